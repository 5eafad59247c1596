/** A call by name: `['deposit', 'ann', 5]`. */
export type NamedCall<Functions> = {
  [Name in keyof Functions & string]: readonly [Name, ...ArgumentsOf<Functions[Name]>]
}[keyof Functions & string]

/** What the function that is called by name returns. */
export type NamedResult<Functions, Call> = Call extends readonly [infer Name, ...unknown[]]
  ? Name extends keyof Functions
    ? ReturnOf<Functions[Name]>
    : never
  : never

/** Those after the state. */
type ArgumentsOf<F> = F extends (state: never, ...args: infer Args) => unknown ? Args : never

type ReturnOf<F> = F extends (...args: never[]) => infer Result ? Result : never
