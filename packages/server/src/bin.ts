#!/usr/bin/env node
import { main } from './cli/main.js'

const code = await main(process.argv.slice(2))
// What goes into a pipe may not all have left yet, and process.exit would lose the rest.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise((resolve) => stream.write('', resolve))
}
process.exit(code)
