import { describe, expect, it } from 'vitest'
import { checkHistory } from '../../src/simulator/checks/history-check.js'
import { executed, history, texts } from './history.js'

/** Checks what clients saw, of a cluster that has executed these commands in this order. */
function check(order: string, lines: Readonly<Record<string, string>>): void {
  checkHistory(history(lines), executed(order), texts)
}

function violation(message: string | RegExp) {
  return expect.objectContaining({
    name: 'Violation',
    kind: 'not-linearizable',
    message: expect.stringMatching(message),
  })
}

describe('a history is accepted', () => {
  it.each<[string, string, Record<string, string>]>([
    ['when operations follow each other', 'ab', { c1: 'a=a      b=ab', c2: '    ?=a         ?=ab #=2' }],
    ['when commands at the same time take effect in any order', 'ba', { c1: 'a---=ba', c2: 'b---=b' }],
    ['when a query sees a command that is under way', 'a', { c1: 'a---------=a', c2: '  ?=a ?=a' }],
    [
      'when a query does not see a command that is under way',
      'a',
      { c1: 'a---------=a', c2: '  ?=. ?=. ?=a' },
    ],
    ['when a command without an answer was executed', 'ab', { c1: 'a=   b=ab' }],
    ['when a command without an answer was executed much later', 'ba', { c1: 'a=', c2: '    b=b ?=b  ?=ba' }],
    ['when a command without an answer was never executed', 'b', { c1: 'a=  b=b ?=b' }],
    ['when a command without an answer was executed at the very end', 'ba', { c1: 'a=', c2: '    b=b ?=b' }],
    ['when a query got no answer', 'a', { c1: 'a=a ?= ?=a' }],
    ['when a command was refused', 'a!', { c1: 'a=a !=! ?=a' }],
  ])('%s', (_, order, lines) => {
    expect(() => check(order, lines)).not.toThrow()
  })
})

describe('a history is rejected for', () => {
  it.each<[string, string, Record<string, string>, RegExp]>([
    [
      'a stale read',
      'ab',
      { c1: 'a=a b=ab', c2: '         ?=a' },
      /c2's query "text" got "a": no state after/,
    ],
    ['a stale read by the writer', 'a', { c1: 'a=a ?=.' }, /c1's query "text" got "": no state after/],
    ['an acknowledged command that is lost', 'b', { c1: 'a=a b=b' }, /"a" got "a", but no replica has/],
    ['a wrong result of a command', 'a', { c1: 'a=x' }, /"a" got "x", but it had come to "a"/],
    [
      'a refusal of an executed command',
      'a',
      { c1: 'a=!' },
      /got the error 'refused', but it had come to "a"/,
    ],
    [
      'two commands in another order than in real time',
      'ba',
      { c1: 'a=ba', c2: '      b=b' },
      /"b" got "b", and took effect before what had returned earlier: c1's command "a"/,
    ],
    [
      'a command without an answer that took effect before it was asked for',
      'ba',
      { c1: 'a=ba', c2: '      b=' },
      /"b" got no answer, and took effect before/,
    ],
    [
      'a client that reads an older state than another client before',
      'ab',
      { c1: 'b----------------=ab', c2: '  ?=ab', c3: '        ?=a', c4: 'a=a' },
      /c3's query "text" got "a": no state after c2's query/,
    ],
    ['an answer of no state', 'ab', { c1: 'a=a b=ab ?=ba' }, /got "ba": no state/],
    ['an older answer of another query', 'ab', { c1: 'a=a b=ab #=1' }, /"length" got 1: no state/],
    [
      'a read of a command that is sent only later',
      'ab',
      { c1: 'a=a ?=ab', c2: '            b=ab' },
      /"b" got "ab", and took effect before what had returned earlier: c1's query "text"/,
    ],
  ])('%s', (_, order, lines, message) => {
    expect(() => check(order, lines)).toThrow(violation(message))
  })
})

describe('an answer with its place in the history', () => {
  /**
   * A query at the end, answered after `place` commands, of which `c1` was told that both are
   * executed.
   */
  function ask(order: string, text: string, place: number): void {
    const told = history({ c1: 'a=a !=!  b=', c2: '             ?=' + text })
    const last = told.pop()!
    checkHistory([...told, { ...last, returned: { ...last.returned!, place } }], executed(order), texts)
  }

  it('may be of any state that the query may see', () => {
    expect(() => {
      ask('a!', 'a', 2)
    }).not.toThrow()
    expect(() => {
      ask('a!b', 'ab', 3)
    }).not.toThrow()
  })

  it('is rejected for an old state, even if the answer would be the same', () => {
    expect(() => {
      ask('a!', 'a', 1)
    }).toThrow(violation(/got "a" of the state after 1 commands, and must see 2: after c1's command "!"/))
  })

  it('must be the answer of the state at that place', () => {
    expect(() => {
      ask('a!b', 'a', 3)
    }).toThrow(violation(/got "a" of the state after 3 commands, where the answer is "ab"/))
  })
})

describe('a stale query', () => {
  /** After `a` and `b` were executed, in slots 1 and 2, and `c1` was told of both. */
  function ask(text: string, slot: number, atLeast: number, client = 'c1'): void {
    const [stale] = history({ [client]: `                    ?=${text}` })
    const request = { type: 'stale-query', query: 'text', atLeast } as const
    const returned = { ...stale!.returned!, slot }
    const told = history({ c1: 'a=a b=ab' })
    checkHistory([...told, { ...stale!, request, returned }], executed('ab'), texts)
  }
  const wrongSlot = (message: RegExp) =>
    expect.objectContaining({ kind: 'wrong-slot', message: expect.stringMatching(message) })

  it('may be old if it names its slot', () => {
    expect(() => ask('a', 1, 0)).not.toThrow()
    expect(() => ask('.', 0, 0)).not.toThrow()
    expect(() => ask('ab', 2, 2)).not.toThrow()
  })

  it('must have the answer of the slot that it names', () => {
    expect(() => ask('a', 2, 0)).toThrow(wrongSlot(/got "a" from slot 2, where the answer is "ab"/))
    expect(() => ask('ab', 1, 0)).toThrow(wrongSlot(/got "ab" from slot 1, where the answer is "a"/))
  })

  it('must be from the state after that slot', () => {
    const [stale] = history({ c1: '                    ?=a' })
    const request = { type: 'stale-query', query: 'text', atLeast: 0 } as const
    const told = { ...stale!, request, returned: { ...stale!.returned!, slot: 2, place: 1 } }
    expect(() => {
      checkHistory([...history({ c2: 'a=a !=!' }), told], executed('a!'), texts)
    }).toThrow(wrongSlot(/from slot 2, after 1 commands, where there are 2 up to there/))
  })

  it('must not be older than requested', () => {
    expect(() => ask('a', 1, 2)).toThrow(wrongSlot(/got "a" from slot 1/))
  })

  it('sees the writes that its own client saw, if it asks for them, and need not see other writes', () => {
    expect(() => ask('a', 1, 1)).toThrow(wrongSlot(/from before what that client had seen itself/))
    expect(() => ask('a', 1, 1, 'c2')).not.toThrow()
  })
})

it('the model of a workload gets all operations except refused ones, commands never executed, and queries without an answer', () => {
  const lines = { c1: 'a=a !=! ?=a', c2: '            ?=  b=' }
  const given = (executions: string) => {
    const seen: unknown[] = []
    checkHistory(history(lines), executed(executions), { ...texts, check: (all) => void seen.push(...all) })
    return seen
  }
  const answered = [
    { client: 'c1', input: 'a', invoked: 0, returned: 3, output: 'a' },
    { client: 'c1', input: 'text', invoked: 8, returned: 11, output: 'a' },
  ]
  expect(given('a!')).toEqual(answered)
  expect(given('a!b')).toEqual([...answered, { client: 'c2', input: 'b', invoked: 16 }])
})

it('an error of the model is a violation', () => {
  const workload = {
    ...texts,
    check() {
      throw new Error('the model says no')
    },
  }
  expect(() => checkHistory([], executed(''), workload)).toThrow(violation('the model says no'))
})

it('a command that no client sent must not be executed', () => {
  expect(() => checkHistory([], executed('a'), texts)).toThrow(violation(/a client had asked for nothing/))
  const [asked] = history({ c1: 'a=a' })
  const other = { ...asked!, request: { type: 'command', tag: 97, command: 'z' } as const }
  expect(() => checkHistory([other], executed('a'), texts)).toThrow(violation(/had asked for "z"/))
})
