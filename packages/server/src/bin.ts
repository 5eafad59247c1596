#!/usr/bin/env node
import { main } from './cli/main.js'
import { flushText } from './cli/standard-streams.js'

const code = await main(process.argv.slice(2))
// What goes into a pipe may not all have left yet, and process.exit would lose the rest.
await flushText()
process.exit(code)
