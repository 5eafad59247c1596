import { SynodError } from './errors.js'

/**
 * Why a request has no answer when its time is up. `outage` says why there is no quorum, as far as
 * that is known; null where there is one.
 */
export function unansweredError(timeoutMs: number, outage: string | null): SynodError {
  const within = `within ${timeoutMs} ms`
  if (outage === null) {
    return new SynodError(
      'outcome-unknown',
      `no answer ${within}, though a quorum is up: a server may be slow or overloaded, as its status shows`,
    )
  }
  return new SynodError('no-quorum', `no quorum of servers ${within}${outage === '' ? '' : `: ${outage}`}`)
}
