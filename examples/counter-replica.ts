// One replica of a counter. Start it three times, with the arguments 1, 2 and 3.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Machine, Replica } from 'synod'

class Counter implements Machine<number, number, 'total', number> {
  #total = 0
  apply(amount: number) {
    return (this.#total += amount)
  }
  query() {
    return this.#total
  }
  snapshot() {
    return [Buffer.from(String(this.#total))]
  }
  async restore(chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) this.#total = Number(Buffer.from(chunk))
  }
}

const id = Number(process.argv[2])
const port = Number(process.argv[3] ?? 7411)
const replica = await Replica.open({
  id,
  cluster: {
    servers: { 1: `127.0.0.1:${port}`, 2: `127.0.0.1:${port + 1}`, 3: `127.0.0.1:${port + 2}` },
  },
  dataDir: `data/s${id}`,
  machine: new Counter(),
})

for (;;) {
  const total = await replica.execute(1).catch((error: unknown) => String(error))
  console.log(`s${id}: ${total}`)
  await sleep(1000)
}
