// What is known of the mistakes from hunts before.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { CheckName } from './checks.js'

/** Which seed of which check has found a mistake. */
export interface Sighting {
  readonly check: CheckName
  readonly mode: 'leader' | 'leaderless'
  readonly seed: number
}

const MISSED = fileURLToPath(new URL('../missed.json', import.meta.url))
const SIGHTINGS = fileURLToPath(new URL('../sightings.json', import.meta.url))

/** Why the random checks do not see a mistake, by the name of its patch. */
export async function reasons(): Promise<Readonly<Record<string, string>>> {
  return JSON.parse(await readFile(MISSED, 'utf8')) as Record<string, string>
}

/** Where mistakes were found the last time, by the names of their patches. */
export async function sightings(): Promise<Map<string, Sighting>> {
  return new Map(Object.entries(JSON.parse(await readFile(SIGHTINGS, 'utf8')) as Record<string, Sighting>))
}

export async function remember(all: ReadonlyMap<string, Sighting>): Promise<void> {
  const lines = [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { check, mode, seed }]) => `  ${JSON.stringify(name)}: ${spaced({ check, mode, seed })}`)
  await writeFile(SIGHTINGS, `{\n${lines.join(',\n')}\n}\n`)
}

function spaced(sighting: Sighting): string {
  const entries = Object.entries(sighting).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  )
  return `{ ${entries.join(', ')} }`
}
