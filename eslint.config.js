import eslint from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { plainComments } from './tools/lint/plain-comments.js'

const inStore = 'A state machine must do the same on every replica: time comes with the command.'
const inPaxos = 'Time, randomness and the outside world reach src/paxos as inputs of a step.'

export default defineConfig(
  globalIgnores(['**/dist/', '**/coverage/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Export by name.' },
        { selector: 'ExportSpecifier[exported.name="default"]', message: 'Export by name.' },
        { selector: 'Identifier[name=/[a-z]_(ms|us|s)$/]', message: 'Write the unit as in `timeoutMs`.' },
      ],

      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // Type imports stay visible as such to dependency-cruiser, and leave no import behind.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',

      // `() => work()` and `return work()` for what returns nothing read well enough.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],

      // Hot paths index arrays and buffers by hand.
      '@typescript-eslint/prefer-for-of': 'off',
      // A method that must return a promise may have nothing to wait for; async makes its throws
      // rejections.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['packages/synod/src/**'],
    rules: { 'no-console': 'error' },
  },
  {
    plugins: { synod: { rules: { 'plain-comments': plainComments } } },
    rules: { 'synod/plain-comments': 'error' },
  },
  {
    // A proof may be longer than other comments.
    files: ['packages/synod/src/paxos/**'],
    rules: { 'synod/plain-comments': ['error', { proofs: true }] },
  },
  {
    // The protocol is a pure function of its inputs: see docs/decisions/0001-tooling.md.
    files: ['packages/synod/src/paxos/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'Buffer',
          'Date',
          'clearImmediate',
          'clearInterval',
          'clearTimeout',
          'console',
          'crypto',
          'fetch',
          'global',
          'globalThis',
          'performance',
          'process',
          'queueMicrotask',
          'require',
          'setImmediate',
          'setInterval',
          'setTimeout',
        ].map((name) => ({ name, message: inPaxos })),
      ],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: inPaxos }],
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^[^.]', message: 'src/paxos imports nothing but its own files.' }] },
      ],
      '@typescript-eslint/no-restricted-types': [
        'error',
        { types: { Buffer: inPaxos, Date: inPaxos, NonSharedBuffer: inPaxos } },
      ],
      '@typescript-eslint/triple-slash-reference': ['error', { lib: 'never', path: 'never', types: 'never' }],
    },
  },
  {
    // The store is a state machine: only its client looks at the clock and at chance.
    files: ['packages/store/src/**'],
    ignores: ['packages/store/src/client/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'Date',
          'performance',
          'process',
          'setImmediate',
          'setInterval',
          'setTimeout',
          'queueMicrotask',
        ].map((name) => ({ name, message: inStore })),
      ],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: inStore }],
    },
  },
  {
    files: ['**/test/**', '**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Configuration of tools: in no project of ours, and loaded by its default export.
    files: ['**/*.config.{js,ts}', '**/*.{js,cjs,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { module: 'writable', require: 'readonly' } },
  },
)
