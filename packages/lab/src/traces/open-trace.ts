import type { Mode, Quorums, ServerId } from 'synod-testing/script'
import type { ActorId, Picture } from '../picture/picture.js'
import { FieldError, type Fields, asCount, isFields } from './json.js'
import { TraceError, type TraceFile, type TraceLine, type TraceProblem, readLines } from './lines.js'
import { mergeLive } from './live.js'
import { TraceNarrator } from './narrate.js'
import { withRoles } from './roles.js'
import { Sendings } from './sendings.js'
import { withResumes } from './simulated.js'
import { type ActorLine, withActor } from './actor-line.js'

export { MAX_TRACE_BYTES, MAX_TRACE_EVENTS, TraceError, checkTraceSize } from './lines.js'
export type { TraceFile, TraceProblem } from './lines.js'

/** A trace as a picture, and what of it could not be read. */
export interface OpenedTrace {
  readonly picture: Picture
  readonly source: 'simulation' | 'replicas'
  /** The time that is 0 in the picture, in milliseconds since 1970; 0 for a simulation. */
  readonly beginMs: number
  /** The first lines that could not be read; the picture has all the others. */
  readonly problems: readonly TraceProblem[]
  /** How many lines say nothing. */
  readonly broken: number
  /** How many lines are of kinds that are not known here. */
  readonly passedOver: number
}

/** How many problems are kept. */
const MOST_PROBLEMS = 100

/**
 * Opens a trace: that of one simulation, or the traces of several replicas, which are merged.
 * Throws a `TraceError` if it is too large, or nothing of a trace is in it. The form is
 * in docs/reference/trace.md.
 */
export function openTrace(files: readonly TraceFile[]): OpenedTrace {
  const problems: TraceProblem[] = []
  let broken = 0
  const onProblem = (problem: TraceProblem) => {
    broken++
    if (problems.length < MOST_PROBLEMS) problems.push(problem)
  }
  const careful = <T>(line: TraceLine, read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof FieldError)) throw error
      onProblem({ file: line.file, line: line.line, text: `${line.event}: ${error.message}` })
      return undefined
    }
  }

  const lines = readLines(files, onProblem)
  let passedOver = 0
  const told = lines.flatMap(
    (line) =>
      careful(line, () => {
        const one = withActor(line)
        if (one === undefined) passedOver++
        return one
      }) ?? [],
  )
  if (told.length === 0) throw new TraceError(nothingIn(problems))
  const plan = planOf(told)
  const { lines: ordered, sendings } =
    plan === undefined
      ? mergeLive(told)
      : { lines: withResumes(told), sendings: new Map<ActorLine, ActorLine>() }
  const setting = plan === undefined ? settingOfReplicas(told) : settingOfPlan(plan)
  const servers = setting.configurations[0].voters.map((id): ActorId => `s${id}`)
  const narrator = new TraceNarrator(servers, new Sendings(latencyOf(plan)), sendings)
  const beginMs = plan === undefined ? (ordered[0]?.atMs ?? 0) : 0
  let atMs = 0
  for (const [order, line] of ordered.entries()) {
    // Clocks that differ make no line earlier than one that it follows.
    atMs = Math.max(atMs, line.atMs - beginMs)
    careful(line, () => narrator.addLine(line, { atMs, order, side: 0 }))
  }
  const { draft, messages } = narrator
  const drafted = draft.events()
  const events = setting.mode === 'leader' ? withRoles(drafted, messages) : drafted
  const actors = [...new Set([...servers, ...draft.actors])].sort(compareActors)
  return {
    picture: { ...setting, actors, messages, events },
    source: plan === undefined ? 'replicas' : 'simulation',
    beginMs,
    problems,
    broken,
    passedOver,
  }
}

type Setting = Pick<Picture, 'mode' | 'configurations'>

function planOf(told: readonly ActorLine[]): Fields | undefined {
  const plans = told.filter(({ event }) => event === 'plan')
  const [first] = plans
  if (first === undefined) return undefined
  if (plans.length > 1) throw new TraceError('These are several simulations. Open one at a time.')
  if (told.some(({ file }) => file !== first.file))
    throw new TraceError('The trace of a simulation stands alone. Open it without other files.')
  return isFields(first.fields.plan) ? first.fields.plan : {}
}

function settingOfPlan({ mode, quorums, servers }: Fields): Setting {
  const count = Math.min(asCount(servers) ?? 3, 31)
  const voters = Array.from({ length: count }, (_, index) => index + 1)
  return { mode: modeOf(mode), configurations: [{ first: 1, voters, quorums: quorumsOf(quorums, count) }] }
}

/** As the first `start` has it; of a trace that begins later, as far as it shows. */
function settingOfReplicas(told: readonly ActorLine[]): Setting {
  const start = told.find(({ event, fields }) => event === 'start' && fields.servers !== undefined)
  const { mode, quorums, servers } = start?.fields ?? {}
  const listed = Array.isArray(servers) ? servers.flatMap((id) => asCount(id) ?? []) : []
  const voters: ServerId[] = listed.length > 0 ? listed : serversIn(told)
  return {
    mode: modeOf(mode),
    configurations: [{ first: 1, voters, quorums: quorumsOf(quorums, voters.length) }],
  }
}

function serversIn(told: readonly ActorLine[]): ServerId[] {
  const names = told.flatMap(({ actor, fields: { from, to } }) => [actor, from, to])
  const ids = names.flatMap((name) =>
    typeof name === 'string' && name.startsWith('s') ? numberOf(name) : [],
  )
  return [...new Set(ids)].sort((a, b) => a - b)
}

function modeOf(mode: unknown): Mode {
  return mode === 'leaderless' ? 'leaderless' : 'leader'
}

/** Majorities, where nothing else is said. */
function quorumsOf(quorums: unknown, servers: number): Quorums {
  const majority = Math.floor(servers / 2) + 1
  const { phase1, phase2 } = isFields(quorums) ? quorums : {}
  return { phase1: asCount(phase1) ?? majority, phase2: asCount(phase2) ?? majority }
}

/** How long a message is on its way in a simulation. Of replicas nothing is known. */
function latencyOf(plan: Fields | undefined): readonly [number, number] {
  const [shortest, longest] = Array.isArray(plan?.latencyMs) ? (plan.latencyMs as unknown[]) : []
  return typeof shortest === 'number' && typeof longest === 'number' ? [shortest, longest] : [0, 0]
}

/** Clients first, then servers, by number. */
function compareActors(a: ActorId, b: ActorId): number {
  return a.charAt(0).localeCompare(b.charAt(0)) || numberOf(a) - numberOf(b)
}

function numberOf(actor: string): number {
  return Number(actor.slice(1))
}

function nothingIn([first]: readonly TraceProblem[]): string {
  const why = first === undefined ? '' : ` ${first.file}, line ${first.line}: ${first.text}.`
  return `There is nothing of a trace in this.${why}`
}
