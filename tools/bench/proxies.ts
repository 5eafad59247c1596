import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('delay-proxy.js', import.meta.url))

/** Proxies that delay what they carry, all in one process, which ends with this one. */
export interface Proxies {
  /** One for each target. */
  readonly addresses: readonly string[]
  /** The most bytes that were carried in one second since this was asked last. */
  busiestBytes(): Promise<number>
  stop(): void
}

export async function startProxies(delayMs: number, targets: readonly string[]): Promise<Proxies> {
  const child = fork(PROGRAM, [String(delayMs), ...targets])
  // It has said why.
  child.once('exit', (code) => {
    if (code !== 0) process.exit(1)
  })
  const ask = async <Answer>() => {
    const [answer] = (await once(child, 'message')) as [Answer]
    return answer
  }
  return {
    addresses: await ask<string[]>(),
    busiestBytes: () => {
      child.send('busiest')
      return ask<number>()
    },
    stop: () => {
      child.disconnect()
    },
  }
}
