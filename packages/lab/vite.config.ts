import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { plantedCores } from './planted-cores.js'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: file('.'),
  // Works from any folder of any file server.
  base: './',
  build: { target: 'es2023' },
  plugins: [plantedCores()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // What the core's neighbours take from Node: bytes, and a checksum.
  resolve: {
    alias: [{ find: 'node:zlib', replacement: file('src/platform/zlib.ts') }],
  },
})
