import type { AnyMachine } from 'synod'
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBench } from './bench.js'
import { addCas } from './cas.js'
import { addCheck } from './check.js'
import { addDel } from './del.js'
import { addDemo } from './demo.js'
import { addGet } from './get.js'
import { addIncr } from './incr.js'
import { addInspect } from './inspect.js'
import { addMember } from './member.js'
import { addPut } from './put.js'
import { addRange } from './range.js'
import { addRebuild } from './rebuild.js'
import { addRecover } from './recover.js'
import { addServe } from './serve.js'
import type { ServedStore } from './served-store.js'
import { addSimulate } from './simulate.js'
import { addSnapshot } from './snapshot.js'
import { addStatus } from './status.js'
import { addTransfer } from './transfer.js'

/**
 * The `synod` command with all its subcommands. It throws CommanderErrors and never ends the
 * process.
 */
export function buildProgram<M extends AnyMachine>(store: ServedStore<M>): Command {
  const program = new Command('synod')
    .description('A replicated key-value store on MultiPaxos: run it, use it, watch it.')
    .version(version())
    .exitOverride()
    // main prints the errors, in the form that all errors have.
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true })
  addDemo(program)
  addServe(program, store)
  addPut(program)
  addGet(program)
  addDel(program)
  addCas(program)
  addIncr(program)
  addRange(program)
  addStatus(program)
  addTransfer(program)
  addMember(program)
  addSnapshot(program, store)
  addInspect(program)
  addRebuild(program)
  addRecover(program, store)
  addBench(program)
  addSimulate(program)
  addCheck(program)
  program.addHelpText(
    'after',
    '\nStart with `synod demo`, and in a second terminal `synod put hello world`.\n' +
      'Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.',
  )
  return program
}

function version(): string {
  const url = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version
}
