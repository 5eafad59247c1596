import type { Calls } from '../call.js'
import { SynodError } from '../errors.js'
import { type OpenedJournal, damageWords } from '../journal/open-journal.js'
import { type Outdated, outdatedWords, saveOutdated } from '../journal/outdated.js'
import type { ClientService } from './client-service.js'
import type { Inbox } from './inbox.js'
import type { Settings } from './options.js'
import type { Peers } from './peers.js'
import type { Subscriptions } from './subscriptions.js'

export interface ShutdownParts {
  readonly settings: Settings
  readonly opened: OpenedJournal
  readonly inbox: Inbox
  readonly calls: Calls
  readonly peers: Peers
  readonly state: { stop(): Promise<void> }
  readonly space: { close(): Promise<void> }
  readonly service: ClientService
  readonly subscriptions: Subscriptions
  /** Parts with timers of their own. */
  readonly stoppable: readonly { stop(): void }[]
}

/** How a replica ends: closed by its owner, or by an error after which it cannot go on. */
export class Shutdown {
  readonly #parts: ShutdownParts
  #error: SynodError | undefined
  #isOutdated = false

  constructor(parts: ShutdownParts) {
    this.#parts = parts
  }

  /** Whether the replica takes no part any more. */
  get hasBegun(): boolean {
    return this.#isOutdated || this.#error !== undefined
  }

  /** Why the replica has ended; undefined while it runs. */
  get error(): SynodError | undefined {
    return this.#error
  }

  /** The replica cannot go on: nothing more is said, executed or answered. */
  fail(error: SynodError): void {
    if (this.#error !== undefined) return
    const { peers, service, settings } = this.#parts
    settings.logger.error({ code: error.code }, error.message)
    settings.trace?.failed(error)
    this.#stop(error)
    void service.close()
    void peers.close()
    settings.onFatal(error)
  }

  /** The data directory is an old copy: this server ends, and votes with it no more. */
  outdated(outdated: Outdated): void {
    if (this.#isOutdated) return
    this.#isOutdated = true
    const { inbox, settings } = this.#parts
    const { dataDir, host } = settings
    const words = damageWords(dataDir, { message: outdatedWords(outdated) })
    inbox.close()
    void saveOutdated(host.disk, dataDir, outdated)
      .catch(() => undefined)
      .then(() => {
        this.fail(new SynodError('journal-damaged', words))
      })
  }

  /** What waits here fails as `closed`, what was written is flushed, and the directory is free. */
  async close(): Promise<void> {
    const { opened, peers, service, settings, space, state } = this.#parts
    this.#stop(this.#error ?? new SynodError('closed', 'the replica is closed'))
    await service.close()
    await peers.close()
    await state.stop()
    await space.close()
    await (opened.journal ?? opened).close()
    settings.trace?.stopped()
  }

  #stop(error: SynodError): void {
    const { calls, inbox, stoppable, subscriptions } = this.#parts
    this.#error = error
    inbox.close()
    for (const part of stoppable) part.stop()
    subscriptions.end(error)
    calls.end(error)
  }
}
