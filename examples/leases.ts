// A table of leases: who acquires a name holds it for a while, and others cannot have it meanwhile.
import { type ApplyContext, type Machine, SnapshotMap } from 'synod'

export type LeaseCommand =
  | { readonly type: 'acquire'; readonly name: string; readonly holder: string; readonly forMs: number }
  | { readonly type: 'release'; readonly name: string; readonly holder: string }

export interface Lease {
  readonly holder: string
  readonly untilMs: number
}

/**
 * Commands answer whether they could be done. A query answers the last lease, which may have run
 * out.
 */
export class LeaseTable implements Machine<LeaseCommand, boolean, string, Lease | null> {
  readonly #leases = new SnapshotMap<string, Lease>()

  apply(command: LeaseCommand, { timeMs }: ApplyContext): boolean {
    const { holder, name } = command
    const lease = this.#leases.get(name)
    if (lease !== undefined && lease.holder !== holder && lease.untilMs > timeMs) return false
    if (command.type === 'release') this.#leases.delete(name)
    else this.#leases.set(name, { holder, untilMs: timeMs + command.forMs })
    return true
  }

  query(name: string): Lease | null {
    return this.#leases.get(name) ?? null
  }

  *snapshot(): Generator<Uint8Array> {
    for (const entry of this.#leases.snapshot()) yield Buffer.from(JSON.stringify(entry))
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#leases.clear()
    for await (const chunk of chunks) {
      const [name, lease] = JSON.parse(Buffer.from(chunk).toString()) as [string, Lease]
      this.#leases.set(name, lease)
    }
  }
}
