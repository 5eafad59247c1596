// A counter that survives the loss of one of three machines: here, three replicas in one process.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Machine, Replica } from 'synod'

class Counter implements Machine<number, number, 'total', number> {
  #total = 0
  apply(amount: number) {
    return (this.#total += amount)
  }
  query() {
    return this.#total
  }
  // With these two, the log does not grow for ever.
  snapshot() {
    return [Buffer.from(String(this.#total))]
  }
  async restore(chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) this.#total = Number(Buffer.from(chunk))
  }
}

const port = Number(process.argv[2] ?? 7401)
const servers = { 1: `127.0.0.1:${port}`, 2: `127.0.0.1:${port + 1}`, 3: `127.0.0.1:${port + 2}` }
const directory = await mkdtemp(join(tmpdir(), 'counter-'))

const replicas = await Promise.all(
  [1, 2, 3].map((id) =>
    Replica.open({ id, cluster: { servers }, dataDir: join(directory, `s${id}`), machine: new Counter() }),
  ),
)

// Any replica takes commands; each is executed once, on all of them.
await Promise.all(replicas.map((replica) => replica.execute(10)))

// A read sees everything that was acknowledged before it began, on whichever replica.
for (const replica of replicas) console.log(`s${replica.status().server}: ${await replica.read('total')}`)

await Promise.all(replicas.map((replica) => replica.close()))
