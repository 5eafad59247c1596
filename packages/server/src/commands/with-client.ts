import { KvClient } from '../kv/client.js'
import { type ConnectionOptions, connectOptions } from '../terminal/common-options.js'

/** Calls `use` with a connected client of the store, and closes the client. */
export async function withClient<T>(
  options: ConnectionOptions,
  use: (client: KvClient) => Promise<T>,
): Promise<T> {
  const client = await KvClient.connect(connectOptions(options))
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
