import { expect, test } from 'vitest'
import { typedCommand, typedProgram } from '../../src/demo/typed-command.js'

test('the hint names the program as the user ran it', () => {
  expect(typedProgram({ npm_lifecycle_event: 'start' }, '/x/bin.js')).toBe('npm run synod --')
  expect(typedProgram({ npm_lifecycle_event: 'synod' }, '/x/bin.js')).toBe('npm run synod --')
  expect(typedProgram({ npm_lifecycle_event: 'npx' }, '/x/synod')).toBe('npx synod')
  expect(typedProgram({}, '/usr/bin/synod')).toBe('synod')
  expect(typedProgram({}, 'dist/bin.js')).toBe('node dist/bin.js')
})

test('arguments with characters that a shell interprets are quoted', () => {
  expect(typedCommand(['serve', '1=127.0.0.1:1,2=[::1]:2', 'my dir', "it's"])).toMatch(
    / serve '1=127\.0\.0\.1:1,2=\[::1\]:2' 'my dir' 'it'\\''s'$/,
  )
})
