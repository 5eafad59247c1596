/** Every version of something that a build knows: whole numbers from 1 to `MAX_VERSION`. */
export interface VersionRange {
  readonly oldest: number
  readonly newest: number
}

/** No version of anything is higher. */
export const MAX_VERSION = 65_535

/** The newest version in both ranges; undefined where they do not meet. */
export function newestInBoth(one: VersionRange, other: VersionRange): number | undefined {
  const newest = Math.min(one.newest, other.newest)
  return newest < Math.max(one.oldest, other.oldest) ? undefined : newest
}

/** As messages for people name a range. */
export function rangeWords({ newest, oldest }: VersionRange): string {
  return oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`
}
