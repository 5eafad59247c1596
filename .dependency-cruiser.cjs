// The arrows between the parts of the house: see docs/decisions/0001-tooling.md.

const src = '^packages/synod/src'

/**
 * Files of packages/synod/src that `part`, a folder or a file, may not import, not even for a type.
 */
function only(part, allowed) {
  return {
    name: `${part}-only`,
    severity: 'error',
    comment: `Of packages/synod/src, ${part} may import only: ${[part, ...allowed].join(', ')}.`,
    from: { path: pathOf(part) },
    to: { path: `${src}/`, pathNot: [part, ...allowed].map(pathOf) },
  }
}

function pathOf(name) {
  return name.endsWith('.ts') ? `${src}/${name.replace('.', '\\.')}$` : `${src}/${name}/`
}

/** What each part of net/ may import. */
const NET = [
  'bytes',
  'clock.ts',
  'cluster',
  'errors.ts',
  'linked-list.ts',
  'net/hello.ts',
  'net/error-tags.ts',
  'net/fields.ts',
  'options.ts',
  'paxos',
]

const server = '^packages/server/src'

/** Folders of packages/server/src that `folder` may import besides itself. */
function serverOnly(folder, allowed) {
  const list = [folder, ...allowed]
  return {
    name: `server-${folder}-only`,
    severity: 'error',
    comment: `Of packages/server/src, ${folder}/ may import only: ${list.join(', ')}.`,
    from: { path: `${server}/${folder}/` },
    to: { path: `${server}/`, pathNot: list.map((name) => `${server}/${name}/`) },
  }
}

const store = '^packages/store/src'

/** Folders of packages/store/src that `folder` may import besides itself. */
function storeOnly(folder, allowed) {
  const list = [folder, ...allowed]
  return {
    name: `store-${folder}-only`,
    severity: 'error',
    comment: `Of packages/store/src, ${folder}/ may import only: ${list.join(', ')}.`,
    from: { path: `${store}/${folder}/` },
    to: { path: `${store}/`, pathNot: list.map((name) => `${store}/${name}/`) },
  }
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    only('paxos', []),
    only('bytes', ['paxos']),
    only('cluster', ['bytes', 'errors.ts', 'paxos']),
    only('storage', ['errors.ts']),
    only('journal', ['bytes', 'cluster', 'errors.ts', 'options.ts', 'paxos', 'storage']),
    only('net/transport', NET),
    only('net/peer', ['net/transport', ...NET]),
    only('net/client', ['net/transport', ...NET]),
    only('net', ['bytes', 'clock.ts', 'cluster', 'errors.ts', 'linked-list.ts', 'options.ts', 'paxos']),
    only('snapshots', ['bytes', 'cluster', 'errors.ts', 'journal', 'paxos', 'storage']),
    only('machine', [
      'bytes',
      'call.ts',
      'cluster',
      'errors.ts',
      'linked-list.ts',
      'options.ts',
      'service-pace.ts',
      'paxos',
    ]),
    only('client', [
      'cluster',
      'net',
      'machine',
      'bytes',
      'call.ts',
      'clock.ts',
      'errors.ts',
      'explain.ts',
      'logger.ts',
      'options.ts',
      'service-pace.ts',
      'status.ts',
      'unanswered.ts',
      'paxos',
    ]),
    only('trace', ['bytes', 'errors.ts', 'journal', 'machine', 'paxos']),
    only('replica', [
      'paxos',
      'cluster',
      'journal',
      'net',
      'machine',
      'snapshots',
      'storage',
      'bytes',
      'call.ts',
      'clock.ts',
      'errors.ts',
      'explain.ts',
      'linked-list.ts',
      'logger.ts',
      'metrics.ts',
      'options.ts',
      'service-pace.ts',
      'status.ts',
      'trace',
      'unanswered.ts',
    ]),
    only('recovery', [
      'paxos',
      'bytes',
      'clock.ts',
      'cluster',
      'errors.ts',
      'journal',
      'machine',
      'net',
      'options.ts',
      'replica/host.ts',
      'snapshots',
      'storage',
    ]),
    only('call.ts', ['clock.ts', 'deadlines.ts', 'errors.ts', 'options.ts', 'service-pace.ts', 'paxos']),
    only('deadlines.ts', ['clock.ts', 'errors.ts', 'linked-list.ts']),
    only('status.ts', ['cluster', 'journal', 'net', 'paxos', 'snapshots']),
    only('explain.ts', ['paxos', 'status.ts']),
    ...['clock.ts', 'linked-list.ts', 'logger.ts', 'metrics.ts'].map((file) => only(file, [])),
    only('errors.ts', ['paxos']),
    only('options.ts', ['errors.ts']),
    only('service-pace.ts', ['errors.ts']),
    only('unanswered.ts', ['errors.ts']),
    {
      name: 'paxos-pure',
      severity: 'error',
      comment: 'paxos/ imports nothing from outside itself: no node:, no package.',
      from: { path: `${src}/paxos/` },
      to: { pathNot: `${src}/` },
    },
    {
      name: 'paxos-types-only',
      severity: 'error',
      comment:
        'Only replica/, recovery/ and the index may run code of paxos/; the others know its types, how ballots compare, and which quorums meet.',
      from: {
        path: `${src}/(bytes|cluster|journal|net|machine|snapshots|client|trace)/|${src}/errors\\.ts$`,
      },
      to: {
        path: `${src}/paxos/`,
        pathNot: `${src}/paxos/(ballot|quorum)\\.ts$`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'testing-stays-out',
      severity: 'error',
      comment:
        'Nothing that ships imports synod-testing, but the commands that test, and the lab, which plays.',
      from: {
        path: '^packages/[^/]+/src/',
        pathNot: ['^packages/testing/', '^packages/server/src/(simulate|check)/', '^packages/lab/'],
      },
      to: { path: '^packages/testing/' },
    },
    {
      name: 'src-not-test',
      severity: 'error',
      comment: 'Sources import no tests, examples or benchmarks.',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '^(packages/[^/]+/test|examples|tools)/' },
    },
    {
      name: 'synod-no-packages',
      severity: 'error',
      comment: 'The library has no dependencies: its own files and node: only.',
      from: { path: `${src}/` },
      to: { pathNot: `${src}/`, dependencyTypesNot: ['core'] },
    },
    {
      name: 'testing-imports',
      severity: 'error',
      comment:
        'synod-testing imports its own files, node:, and synod by its name, internals as synod/internal/….',
      from: { path: '^packages/testing/src/' },
      to: {
        pathNot: ['^packages/testing/src/', '^packages/synod/'],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'store-imports',
      severity: 'error',
      comment: 'The store imports its own files, its index library, and synod by its name: no node:.',
      from: { path: `${store}/`, pathNot: `${store}/client/` },
      to: { pathNot: [`${store}/`, '^node_modules/sorted-btree/', '^packages/synod/'] },
    },
    {
      name: 'store-client-imports',
      severity: 'error',
      comment: 'The client of the store imports its own files, node:, and synod by its name.',
      from: { path: `${store}/client/` },
      to: { pathNot: [`${store}/`, '^packages/synod/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'store-without-client',
      severity: 'error',
      comment: 'The state machine knows nothing of its client, which does I/O.',
      from: { path: `${store}/`, pathNot: `${store}/client/` },
      to: { path: `${store}/client/` },
    },
    storeOnly('keys', []),
    storeOnly('leases', ['keys']),
    storeOnly('operations', ['keys']),
    storeOnly('codec', ['keys', 'operations']),
    storeOnly('state', ['codec', 'keys', 'leases', 'operations']),
    storeOnly('watch', ['keys', 'operations']),
    {
      name: 'server-imports',
      severity: 'error',
      comment: 'The server imports its own files, node:, commander, and the library by its name.',
      from: { path: '^packages/server/src/' },
      to: {
        pathNot: ['^packages/server/src/', '^node_modules/commander/', '^packages/(synod|testing)/'],
        dependencyTypesNot: ['core'],
      },
    },
    serverOnly('terminal', []),
    serverOnly('kv', []),
    serverOnly('metrics', []),
    serverOnly('trace', ['terminal']),
    serverOnly('reports', ['terminal']),
    serverOnly('bench', ['kv', 'terminal']),
    serverOnly('check', ['terminal']),
    serverOnly('demo', ['terminal']),
    serverOnly('simulate', ['terminal']),
    {
      name: 'server-commands-by-bin',
      severity: 'error',
      comment: 'Only bin.ts imports commands/: the index exports the store and its client, not the command.',
      from: { path: `${server}/`, pathNot: [`${server}/commands/`, `${server}/bin\\.ts$`] },
      to: { path: `${server}/commands/` },
    },
    {
      name: 'server-any-store',
      severity: 'error',
      comment: 'These commands serve the store that bin.ts hands them.',
      from: { path: `${server}/commands/(main|program|recover|serve|served-store|snapshot)\\.ts$` },
      to: { path: `${server}/kv/` },
    },
    {
      name: 'synod-by-name',
      severity: 'error',
      comment: 'What any user of the library can: import from synod, not from a path.',
      from: { path: '^(packages/(server|store/src|testing/src)|examples|tools)/' },
      to: {
        path: '^packages/(synod|testing)/',
        pathNot: '^packages/testing/',
        dependencyTypesNot: ['aliased-workspace'],
      },
    },
    {
      name: 'script-in-a-browser',
      severity: 'error',
      comment:
        'synod-testing/script runs in a browser: of Node it needs a checksum, which the lab brings along.',
      from: { path: '^packages/testing/src/script/index\\.ts$' },
      to: {
        reachable: true,
        path: '^(node:)?(fs|net|path|os|crypto|util|worker_threads|child_process|fs/promises)$',
      },
    },
    {
      name: 'lab-imports',
      severity: 'error',
      comment: 'The page imports its own files, its libraries, and the core by its name.',
      from: { path: '^packages/lab/src/' },
      to: {
        pathNot: [
          '^packages/lab/src/',
          '^node_modules/(preact|@preact/signals|preact-render-to-string|buffer|crc-32)/',
          '^packages/(synod|testing)/',
          '^planted:',
        ],
      },
    },
    {
      name: 'picture-pure',
      severity: 'error',
      comment:
        'The picture and its layout are functions of plain data: they know of no page, and of the core what a ballot is.',
      from: { path: '^packages/lab/src/picture/' },
      to: { pathNot: ['^packages/lab/src/picture/', '^packages/testing/', '^packages/synod/'] },
    },
    {
      name: 'lab-without-view',
      severity: 'error',
      comment: 'Only the view knows the view.',
      from: { path: '^packages/lab/src/', pathNot: ['^packages/lab/src/(view/|main\\.tsx$)'] },
      to: { path: '^packages/lab/src/view/' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'No cycles, not even of types.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Every import names something that is there; planted: is made by the bundler.',
      from: {},
      to: { couldNotResolve: true, pathNot: '^planted:' },
    },
  ],
  options: {
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.base.json' },
    combinedDependencies: true,
    doNotFollow: { path: ['(^|/)node_modules/', '(^|/)dist/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
    },
  },
}
