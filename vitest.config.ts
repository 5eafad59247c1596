import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { plantedCores } from './packages/lab/planted-cores.js'

const exclude = ['**/node_modules/**', '**/dist/**']

/** Files that take longest. Of the e2e tests these keep the processor busy. */
const LONG = /(?:planted|patches|hostile|commands|packages|seeds-\w+|silent-leader|chaos|replay)\.test\.ts$/

/** Without a cache of times vitest begins with the largest files; the longest ones may be small. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONG.test(moduleId)
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    reporters: ['default'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        plugins: [plantedCores()],
        // Against the sources of `synod` and `synod-testing`, so that nothing need be built.
        resolve: {
          alias: [
            {
              find: /^synod$/,
              replacement: fileURLToPath(new URL('packages/synod/src/index.ts', import.meta.url)),
            },
            {
              find: /^synod\/internal\/(.*)\.js$/,
              replacement: fileURLToPath(new URL('packages/synod/src/$1.ts', import.meta.url)),
            },
            {
              find: /^synod-store\/client$/,
              replacement: fileURLToPath(new URL('packages/store/src/client/index.ts', import.meta.url)),
            },
            {
              find: /^synod-store$/,
              replacement: fileURLToPath(new URL('packages/store/src/index.ts', import.meta.url)),
            },
            {
              find: /^synod-testing$/,
              replacement: fileURLToPath(new URL('packages/testing/src/index.ts', import.meta.url)),
            },
            {
              find: /^synod-testing\/script$/,
              replacement: fileURLToPath(new URL('packages/testing/src/script/index.ts', import.meta.url)),
            },
          ],
        },
        test: {
          name: 'unit',
          // CommonJS modules are imported as Node does it.
          deps: { interopDefault: false },
          // What the lab draws has its colours in it.
          css: true,
          // Long enough that a busy machine does not decide: a test that hangs is all that this is
          // to end.
          testTimeout: 60_000,
          include: ['packages/*/test/**/*.test.{ts,tsx}', 'tools/bench/*.test.ts'],
          exclude: [...exclude, 'packages/*/test/e2e/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Against dist, as a user gets it. After the unit tests, two files at a time: these start
        // processes of their own, and mostly wait for them.
        test: {
          name: 'e2e',
          deps: { interopDefault: false },
          include: ['packages/*/test/e2e/**/*.test.ts', 'examples/**/*.test.ts', 'tools/planted/*.test.ts'],
          exclude,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
