// One of three servers, of which the leader alone writes to a resource that checks its fence. Start
// it with an id, the first of three ports, a data directory and the URL of the resource.
import { setTimeout as sleep } from 'node:timers/promises'
import { Replica } from 'synod'

/** There is no state: the leadership alone is of use. */
class Nothing {
  apply(_: null): null {
    return null
  }
  query(_: null): null {
    return null
  }
}

const [id, firstPort, dataDir = '', resource = ''] = process.argv.slice(2)
const port = Number(firstPort)

const replica = await Replica.open({
  id: Number(id),
  cluster: {
    servers: { 1: `127.0.0.1:${port}`, 2: `127.0.0.1:${port + 1}`, 3: `127.0.0.1:${port + 2}` },
  },
  dataDir,
  machine: new Nothing(),
})

await replica.whileLeader(async ({ fence, signal }) => {
  console.log(`leads with fence ${fence}`)
  while (!signal.aborted) {
    const { status } = await fetch(`${resource}/${id}/${fence}`, { method: 'PUT' })
    if (status !== 200) console.log(`fence ${fence} is refused`)
    await sleep(2)
  }
  console.log(`fence ${fence} is over`)
})
