import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ballot, ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { readItf } from './itf.js'

const SPEC = fileURLToPath(new URL('../../../../tools/spec/', import.meta.url))
const QUINT = createRequire(import.meta.url).resolve('@informalsystems/quint/dist/src/cli.js')

/** A value of one of several kinds. */
export interface Tagged<T extends string = string, V = unknown> {
  readonly tag: T
  readonly value: V
}

// The types of tools/spec/paxos.qnt.

export type SpecScope = Tagged<'One' | 'From', Slot>

export interface SpecPromise {
  readonly from: ServerId
  readonly ballot: Ballot
  readonly scope: SpecScope
  readonly votes: readonly {
    readonly slot: Slot
    readonly ballot: Ballot
    readonly value: string
    readonly isChosen: boolean
  }[]
}

export interface SpecMessages {
  readonly prepares: readonly { readonly ballot: Ballot; readonly scope: SpecScope }[]
  readonly promises: readonly SpecPromise[]
  readonly accepts: readonly { readonly ballot: Ballot; readonly values: ReadonlyMap<Slot, string> }[]
  readonly accepteds: readonly {
    readonly from: ServerId
    readonly ballot: Ballot
    readonly slots: readonly Slot[]
  }[]
  readonly nacks: readonly { readonly refused: Ballot; readonly bound: Ballot; readonly slot: Slot }[]
  readonly chosens: readonly { readonly ballot: Ballot; readonly slots: readonly Slot[] }[]
}

export interface SpecJournal {
  readonly promised: Ballot
  readonly log: ReadonlyMap<
    Slot,
    { readonly promised: Ballot; readonly ballot: Ballot; readonly value: string; readonly chosen: string }
  >
}

// The proposers of tools/spec/leader.qnt and tools/spec/leaderless.qnt.

export type SpecRole =
  | Tagged<'Follower'>
  | Tagged<
      'Candidate',
      { readonly ballot: Ballot; readonly first: Slot; readonly promised: readonly ServerId[] }
    >
  | Tagged<
      'Leader',
      {
        readonly ballot: Ballot
        readonly next: Slot
        readonly voters: ReadonlyMap<readonly Slot[], readonly ServerId[]>
      }
    >

export interface SpecInstance {
  readonly phase: Tagged<'Preparing' | 'Ready' | 'Accepting' | 'Waiting'>
  readonly ballot: Ballot
  readonly seen: Ballot
  readonly request: string
  readonly answered: readonly ServerId[]
}

export type SpecProposer = { readonly role: SpecRole } | ReadonlyMap<Slot, SpecInstance>

/** What a step was about: the names are those under which the specification picks. */
export interface Picks {
  readonly s: ServerId
  readonly peer: ServerId
  readonly value: string
  readonly slot: Slot
  readonly prepare: SpecMessages['prepares'][number]
  readonly promise: SpecPromise
  readonly accept: SpecMessages['accepts'][number]
  readonly accepted: SpecMessages['accepteds'][number]
  readonly nack: SpecMessages['nacks'][number]
  readonly chosen: SpecMessages['chosens'][number]
}

/** A state of the specification, and the action that led to it. */
export interface SpecState {
  readonly action: string
  readonly picks: Picks
  readonly network: SpecMessages
  readonly disks: ReadonlyMap<ServerId, SpecJournal>
  readonly servers: ReadonlyMap<ServerId, { readonly journal: SpecJournal; readonly proposer: SpecProposer }>
}

const TRACES = 40
const STEPS = 60

/** Random traces of the specification; a seed decides them. */
export function drawTraces(mode: Mode, seed: number): SpecState[][] {
  const directory = mkdtempSync(join(tmpdir(), 'synod-spec-'))
  try {
    const size = [`--max-samples=${TRACES}`, `--n-traces=${TRACES}`, `--max-steps=${STEPS}`, `--seed=${seed}`]
    const output = ['--mbt', `--out-itf=${join(directory, '{seq}.itf.json')}`, '--verbosity=0']
    const file = join(SPEC, `${mode}.qnt`)
    execFileSync(process.execPath, [QUINT, 'run', file, '--backend=typescript', ...size, ...output])
    return readdirSync(directory).map((name) => readTrace(readFileSync(join(directory, name), 'utf8')))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function readTrace(text: string): SpecState[] {
  const { states } = JSON.parse(text) as { states: Record<string, unknown>[] }
  return states.map((json) => {
    const state = readItf(json) as SpecState & Record<string, unknown>
    const options = state['mbt::nondetPicks'] as Record<string, Tagged>
    // What was not picked is absent, and not asked for.
    const picks = Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.value]))
    return { ...state, action: state['mbt::actionTaken'] as string, picks: picks as unknown as Picks }
  })
}
