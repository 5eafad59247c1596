// The TypeScript of README and docs compiles against the packages as they are built, as their users
// see them.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ROOT, typescriptOfDocs } from './snippets.js'

/** What a page takes for granted, and what it leaves out: `…` is read as what stands here. */
const AROUND: Readonly<
  Record<string, { readonly before?: string; readonly after?: string; readonly dots?: string }>
> = {
  'apply(command: LeaseCommand) {': {
    before: "import type { LeaseCommand } from './leases.js'\nexport class LeaseTable {\n",
    dots: 'return [command, nowMs]\n}',
    after: '\n}',
  },
  'await runPlan(failure': {
    before:
      "import type { Machine } from 'synod'\nimport type { SimulationFailure, Workload } from 'synod-testing'\n" +
      'declare const failure: SimulationFailure\ndeclare const workload: Workload<Machine<number, number, number, number>>\n',
  },
  'const total: Model': {
    before: 'declare class Counter { apply(amount: number): number; query(query: "total"): number }\n',
  },
  'history.invoke': {
    before:
      "import type { Client, Machine } from 'synod'\ndeclare const client: Client<Machine<number, number, number, number>>\n",
    dots: '1',
  },
  'await replica.changeMembership': {
    before:
      "import type { Machine, Replica } from 'synod'\ndeclare const replica: Replica<Machine<number, number, number, number>>\n",
  },
  'replica.leadership()': {
    before:
      "import { type Machine, type ReplicaOptions } from 'synod'\ndeclare const servers: Record<number, string>\n" +
      'declare const rest: Omit<ReplicaOptions<Machine<number, number, number, number>>, "cluster">\n',
    dots: '...rest',
  },
  'Replica.open({ cluster': {
    before:
      "import { type Machine, Replica, type ReplicaOptions } from 'synod'\ndeclare const servers: Record<number, string>\n" +
      'declare const rest: Omit<ReplicaOptions<Machine<number, number, number, number>>, "cluster">\n',
    dots: '...rest',
  },
  'Replica.open({ …, trace': {
    before:
      "import { type Machine, Replica, type ReplicaOptions } from 'synod'\n" +
      'declare const rest: ReplicaOptions<Machine<number, number, number, number>>\n',
    dots: '...rest',
  },
}

test('all TypeScript in README and docs compiles', async () => {
  const directory = join(ROOT, 'node_modules', '.cache', 'docs-typescript')
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  for (const name of ['leases.ts', 'leases-workload.ts'])
    await copyFile(`${ROOT}/examples/${name}`, join(directory, name))
  const snippets = await typescriptOfDocs()
  expect(snippets.length).toBeGreaterThan(10)
  for (const [index, { text, where }] of snippets.entries()) {
    const [, around] = Object.entries(AROUND).find(([part]) => text.includes(part)) ?? []
    // `(event) => …` takes any body.
    const whole = text.replaceAll('=> …', '=> void event').replaceAll('…', around?.dots ?? '…')
    await writeFile(
      join(directory, `snippet-${index}.ts`),
      `// ${where}\n${around?.before ?? ''}${whole}${around?.after ?? ''}\nexport {}\n`,
    )
  }
  const config = {
    extends: '../../../tsconfig.base.json',
    compilerOptions: { composite: false, noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
    include: ['*.ts'],
  }
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', directory]).catch(
    (error: unknown) => error as { stdout: string },
  )
  expect(stdout).toBe('')
})
