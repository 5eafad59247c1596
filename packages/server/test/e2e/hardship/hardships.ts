import type { EndpointStatus } from 'synod'
import type { Chance } from 'synod-testing'
import type { TestCluster, TestReplica } from '../processes.js'
import type { LinkProxy, Impairment, Way } from './link-proxy.js'
import type { Links } from './links.js'

/** The cluster that hardships strike. */
export interface Scene {
  readonly cluster: TestCluster
  readonly chance: Chance
  /** The longest that a hardship may take. */
  readonly longestMs: number
  status(): Promise<EndpointStatus[]>
}

/** A scene with links that can be impaired. */
export interface LinkedScene extends Scene {
  readonly links: Links
}

/** Something that happens to a cluster, and passes. */
export interface Hardship<Its extends Scene = Scene> {
  readonly name: string
  /** Hardships with different targets can strike a cluster at the same time. */
  readonly target: 'replicas' | 'links' | 'members'
  /** Resolves when it has passed, with what happened. */
  readonly run: (scene: Its) => Promise<string>
}

const WAYS: readonly Way[] = ['forth', 'back']

/** The hardships of replicas, on any site. */
export const REPLICA_HARDSHIPS: readonly Hardship[] = [
  { name: 'killed', target: 'replicas', run: async (scene) => killed(scene, [await victim(scene)]) },
  { name: 'all killed', target: 'replicas', run: (scene) => killed(scene, [...scene.cluster.replicas]) },
  { name: 'stopped', target: 'replicas', run: stopped },
]

/** To have clusters go through one more, add it here. */
export const HARDSHIPS: readonly Hardship<LinkedScene>[] = [
  ...REPLICA_HARDSHIPS,
  {
    name: 'slow',
    target: 'links',
    run: impairSomeLinks(({ chance }) => ({ delayMs: chance.between(10, 300) })),
  },
  {
    name: 'narrow',
    target: 'links',
    run: impairSomeLinks(({ chance }) => ({ rate: chance.between(1e4, 2e5) })),
  },
  { name: 'cut', target: 'links', run: impairSomeLinks(() => ({ cut: WAYS })) },
  {
    name: 'cut one way',
    target: 'links',
    run: impairSomeLinks(({ chance }) => ({ cut: [chance.pick(WAYS)] })),
  },
  { name: 'isolated', target: 'links', run: isolated },
  { name: 'reset', target: 'links', run: reset },
]

const SHORTEST_MS = 100

/** The leader half of the time, where there is one. */
async function victim({ chance, cluster, status }: Scene): Promise<TestReplica> {
  const other = chance.pick(cluster.replicas)
  if (chance.happens(0.5)) return other
  const leader = (await status()).flatMap((each) => ('status' in each ? [each.status.leader] : []))[0]
  return cluster.replicas.find(({ id }) => id === leader) ?? other
}

async function killed({ chance }: Scene, replicas: readonly TestReplica[]): Promise<string> {
  const downMs = chance.happens(0.5) ? 0 : chance.between(0, 500)
  await Promise.all(
    replicas.map(async (replica) => {
      const exit = await replica.kill('SIGKILL')
      if (exit.signal !== 'SIGKILL') throw new Error(`s${replica.id} had ended by itself: ${exit.stderr}`)
    }),
  )
  await sleep(downMs)
  await Promise.all(replicas.map((replica) => replica.restart()))
  return `${names(replicas)} killed`
}

async function stopped(scene: Scene): Promise<string> {
  const replica = await victim(scene)
  replica.signal('SIGSTOP')
  try {
    return `s${replica.id} stopped for ${await randomPause(scene)} ms`
  } finally {
    replica.signal('SIGCONT')
  }
}

/** Impairs one link, the links from or to one server, or all links, as drawn. */
function impairSomeLinks(draw: (scene: LinkedScene) => Partial<Impairment>): Hardship<LinkedScene>['run'] {
  return async (scene) => {
    const { chance, links } = scene
    const [from = 0, to = 0] = shuffled(links.ids, chance)
    const [where, some] = chance.pick<[string, readonly LinkProxy[]]>([
      [`from s${from} to s${to}`, [links.link(from, to)]],
      [`between s${from} and s${to}`, [links.link(from, to), links.link(to, from)]],
      [`from s${from}`, links.from(from)],
      [`to s${from}`, links.to(from)],
      ['everywhere', links.all],
    ])
    const impairment = draw(scene)
    return `links ${where}: ${JSON.stringify(impairment)} for ${await impairForAWhile(scene, some, impairment)} ms`
  }
}

async function isolated(scene: LinkedScene): Promise<string> {
  const { id } = await victim(scene)
  const some = [...scene.links.from(id), ...scene.links.to(id)]
  return `s${id} isolated for ${await impairForAWhile(scene, some, { cut: WAYS })} ms`
}

async function reset({ chance, links }: LinkedScene): Promise<string> {
  const times = 1 + chance.below(5)
  for (let time = 1; time <= times; time++) {
    for (const link of links.all) if (chance.happens(0.5)) link.reset()
    await sleep(chance.between(0, 200))
  }
  return `connections reset ${times} times`
}

/** Impairs links for a while, and returns for how many milliseconds. */
async function impairForAWhile(
  scene: Scene,
  some: readonly LinkProxy[],
  impairment: Partial<Impairment>,
): Promise<number> {
  for (const link of some) link.impair(impairment)
  try {
    return await randomPause(scene)
  } finally {
    for (const link of some) link.impair({})
  }
}

/** Short ones are as likely as long ones: each order of magnitude is. */
async function randomPause({ chance, longestMs }: Scene): Promise<number> {
  const forMs = SHORTEST_MS * (longestMs / SHORTEST_MS) ** chance.next()
  await sleep(forMs)
  return Math.round(forMs)
}

function shuffled<T>(list: readonly T[], chance: Chance): T[] {
  return list
    .map((each) => ({ each, place: chance.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ each }) => each)
}

function names(replicas: readonly TestReplica[]): string {
  return replicas.map(({ id }) => `s${id}`).join(', ')
}

export function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}
