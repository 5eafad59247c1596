import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBench } from './bench.js'
import { addCheck } from './check.js'
import { addDemo } from './demo.js'
import { addInspect } from './inspect.js'
import { addKeyCommands } from './key-commands.js'
import { addMember } from './member.js'
import { addRange } from './range.js'
import { addRebuild } from './rebuild.js'
import { addRecover } from './recover.js'
import { addServe } from './serve.js'
import { addSimulate } from './simulate.js'
import { addSnapshot } from './snapshot.js'
import { addStatus } from './status.js'
import { addTransfer } from './transfer.js'

/** The `synod` command with all its subcommands. Instead of ending the process it throws CommanderErrors. */
export function buildProgram(): Command {
  const program = new Command('synod')
    .description('A replicated key-value store on MultiPaxos: run it, use it, watch it.')
    .version(version())
    .exitOverride()
    // Errors are printed by main, in the form that all of them have.
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true })
  addDemo(program)
  addServe(program)
  addKeyCommands(program)
  addRange(program)
  addStatus(program)
  addTransfer(program)
  addMember(program)
  addSnapshot(program)
  addInspect(program)
  addRebuild(program)
  addRecover(program)
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
