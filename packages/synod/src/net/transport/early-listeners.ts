import {
  type Address,
  type Listener,
  NO_OWNER,
  type Network,
  type OpenSocket,
  formatAddress,
} from './network.js'

interface Place {
  readonly address: Address
  listener: Listener | undefined
  onSocket: (open: OpenSocket) => void
}

/**
 * Listens at addresses before anyone is let in there: a start that cannot listen fails before it
 * has changed anything. Who dials before `listen` is called for the address is turned away, and
 * dials again.
 */
export class EarlyListeners implements Pick<Network, 'listen'> {
  readonly #places: Place[] = []

  /**
   * Rejects with SynodError `invalid-options` if it cannot listen at one of them; then it listens
   * at none.
   */
  static async bind(network: Network, addresses: readonly Address[]): Promise<EarlyListeners> {
    const early = new EarlyListeners()
    try {
      for (const address of addresses) await early.#bind(network, address)
    } catch (error) {
      await early.close()
      throw error
    }
    return early
  }

  /**
   * Lets in who dials this address from now on. It must be one of the bound addresses, and each
   * is given away once.
   */
  listen(address: Address, onSocket: (open: OpenSocket) => void): Promise<Listener> {
    const index = this.#places.findIndex((place) => formatAddress(place.address) === formatAddress(address))
    const [place] = index < 0 ? [] : this.#places.splice(index, 1)
    if (place?.listener === undefined) throw new RangeError(`${formatAddress(address)} was not bound`)
    place.onSocket = onSocket
    return Promise.resolve(place.listener)
  }

  /** Stops to listen where no connection was let in. */
  async close(): Promise<void> {
    for (const { listener } of this.#places.splice(0)) await listener?.close()
  }

  async #bind(network: Network, address: Address): Promise<void> {
    const place: Place = { address, listener: undefined, onSocket: turnAway }
    place.listener = await network.listen(address, (open) => {
      place.onSocket(open)
    })
    this.#places.push(place)
  }
}

function turnAway(open: OpenSocket): void {
  open(NO_OWNER).destroy()
}
