import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { buildProgram } from '../../src/commands/program.js'
import { KvMachine } from '../../src/kv/machine.js'

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  return text
}

const program = buildProgram({ machine: () => new KvMachine() })

test('the help of the program lists all commands', () => {
  expect(program.commands.map((command) => command.name())).toEqual([
    'demo',
    'serve',
    'put',
    'get',
    'del',
    'cas',
    'incr',
    'range',
    'status',
    'transfer',
    'member',
    'snapshot',
    'inspect',
    'rebuild',
    'recover',
    'bench',
    'simulate',
    'check',
  ])
  expect(helpOf(program)).toContain('Start with `synod demo`')
})

/** The commands that do something, with their whole names. */
const commands = program.commands.flatMap((command) =>
  command.commands.length === 0
    ? [[command.name(), command] as const]
    : command.commands.map((part) => [`${command.name()} ${part.name()}`, part] as const),
)

test('the help of member lists its subcommands', () => {
  const member = program.commands.find((command) => command.name() === 'member')
  for (const name of ['list', 'add', 'remove', 'replace'])
    expect(helpOf(member!)).toMatch(new RegExp(`^  ${name} `, 'm'))
})

describe.each(commands)('the help of synod %s', (name, command) => {
  const help = helpOf(command)

  test('shows an example', () => {
    expect(help).toMatch(new RegExp(`Examples:\\n  \\$ synod ${name}\\b`))
  })

  test('can write JSON', () => {
    expect(help).toContain('--json')
  })

  test('describes every option', () => {
    for (const option of command.options) expect(option.description, option.flags).not.toBe('')
  })
})
