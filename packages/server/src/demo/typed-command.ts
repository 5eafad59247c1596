import { basename, relative } from 'node:path'

/** What a user types to run this same program: as it was run, by npm or without. */
export function typedProgram(
  env: Readonly<Record<string, string | undefined>> = process.env,
  script = process.argv[1] ?? 'synod',
): string {
  const { npm_lifecycle_event: event } = env
  // Installed, the script goes by the name of the command.
  if (basename(script) === 'synod') return event === 'npx' ? 'npx synod' : 'synod'
  if (event === 'start' || event === 'synod') return 'npm run synod --'
  return `node ${quote(relative('', script))}`
}

/** A command line that a shell reads as these arguments. */
export function typedCommand(args: readonly string[]): string {
  return [typedProgram(), ...args.map(quote)].join(' ')
}

function quote(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`
}
