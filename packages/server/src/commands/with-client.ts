import { KvClient } from '../kv/client.js'
import { type ClusterOptions, connectOptions } from '../terminal/common-options.js'

/** Connects, does something with the client, and closes it. */
export async function withClient<T>(
  options: ClusterOptions,
  use: (client: KvClient) => Promise<T>,
): Promise<T> {
  const client = await KvClient.connect(connectOptions(options))
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
