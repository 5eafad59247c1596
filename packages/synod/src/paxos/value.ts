/**
 * What a slot decides, opaque to the protocol. The empty value is the no-op: a proposer puts it
 * into a slot that must be decided when there is no command for it.
 */
export type Value = Uint8Array

export const NO_OP: Value = new Uint8Array(0)

export function isNoOp(value: Value): boolean {
  return value.length === 0
}

export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
