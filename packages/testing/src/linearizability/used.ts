/**
 * Pending operations that are taken to have happened: the numbers of their kinds, ascending, as
 * often as used.
 */
export type Used = readonly number[]

/** How many of a kind were used. */
export function timesUsed(kind: number, used: Used): number {
  return used.filter((other) => other === kind).length
}

export function withUsed(used: Used, kind: number): Used {
  const place = used.findIndex((other) => other > kind)
  return used.toSpliced(place === -1 ? used.length : place, 0, kind)
}

/** Whether `all` has everything in `some`, as often. Both are ascending. */
export function includes(all: Used, some: Used): boolean {
  if (some.length > all.length) return false
  let found = 0
  for (const kind of all) {
    if (kind === some[found]) found++
  }
  return found === some.length
}
