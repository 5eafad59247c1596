import { isCompleted } from './call-list.js'
import type { Operation } from './history.js'
import type { PartialHistory } from './partial-history.js'

/**
 * How many searches are made at most, and how many configurations each may look at, and all
 * together.
 */
const SEARCHES = 60
const LIMIT = 5000
const TOTAL = 60_000

/**
 * Few of the operations that returned until some time and are not linearizable, such that the
 * others do not matter: these cannot be put in order even if the outcomes of all others are
 * unknown. An operation also stays if it would take long to find out whether it matters.
 */
export function shrink<State, Input, Output>(
  history: PartialHistory<State, Input, Output>,
  time: number,
): Operation<Input, Output>[] {
  let searches = 0
  let total = 0
  const suffice = (some: readonly Operation<Input, Output>[]) => {
    if (searches++ >= SEARCHES || total >= TOTAL) return false
    const known = new Set(some)
    const { configurations, type } = history.search(time, LIMIT, (each) => known.has(each))
    total += configurations
    return type === 'stuck'
  }

  const byReturn = history.operations
    .filter(isCompleted)
    .filter(({ returned }) => returned <= time)
    .sort((a, b) => a.returned - b.returned)
  let size = 1
  while (size < byReturn.length && !suffice(byReturn.slice(-size))) size *= 2
  let kept = byReturn.slice(-size)
  for (size = kept.length >> 1; size > 0; size >>= 1) {
    // From the newest on, so that what is left to try keeps its place.
    for (let end = kept.length; end > 0; end -= size) {
      const fewer = kept.toSpliced(Math.max(0, end - size), Math.min(size, end))
      if (suffice(fewer)) kept = fewer
    }
  }
  return kept.sort((a, b) => a.invoked - b.invoked)
}
