#!/usr/bin/env node
import { main } from './commands/main.js'
import { KvMachine } from './kv/machine.js'
import { flushText } from './terminal/standard-streams.js'

const code = await main(process.argv.slice(2), { machine: () => new KvMachine() })
// Text that went into a pipe may still wait there, and process.exit would lose it.
await flushText()
process.exit(code)
