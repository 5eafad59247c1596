import type { Chance } from 'synod-testing'
import { freePorts } from '../ports.js'
import { type Site, sideBySide } from '../site.js'
import { LinkProxy } from './link-proxy.js'

/**
 * Servers side by side on this machine. What one says to another goes through a link of these two,
 * of this direction: a server dials each peer to talk to it, and listens for what the peer says, so
 * that `link(1, 2)` carries what s1 says to s2.
 */
export class Links implements Site {
  readonly ids: readonly number[]
  readonly #site: Site
  readonly #firstPort: number
  readonly #links = new Map<string, LinkProxy>()

  private constructor(site: Site, chance: Chance, firstPort: number) {
    this.ids = site.ids
    this.#site = site
    this.#firstPort = firstPort
    const random = () => chance.next()
    for (const from of site.ids) {
      for (const to of site.ids.filter((id) => id !== from)) {
        const [host = '', port] = site.peers(to).split(':')
        const target = { host, port: Number(port) }
        this.#links.set(`${from} ${to}`, new LinkProxy({ port: this.#port(from, to), target, random }))
      }
    }
  }

  static async start(count: number, chance: Chance): Promise<Links> {
    const links = new Links(await sideBySide(count), chance.fork(), await freePorts(count * count))
    await Promise.all(links.all.map((link) => link.open()))
    return links
  }

  link(from: number, to: number): LinkProxy {
    const link = this.#links.get(`${from} ${to}`)
    if (link === undefined) throw new RangeError(`no link from s${from} to s${to}`)
    return link
  }

  get all(): readonly LinkProxy[] {
    return [...this.#links.values()]
  }

  /** The links that carry what a server says. */
  from(id: number): readonly LinkProxy[] {
    return this.ids.filter((other) => other !== id).map((other) => this.link(id, other))
  }

  /** The links that carry what a server is told. */
  to(id: number): readonly LinkProxy[] {
    return this.ids.filter((other) => other !== id).map((other) => this.link(other, id))
  }

  clients(id: number): string {
    return this.#site.clients(id)
  }

  peers(id: number): string {
    return this.#site.peers(id)
  }

  address(from: number, to: number): string {
    return from === to ? this.peers(to) : `127.0.0.1:${this.#port(from, to)}`
  }

  under(id: number): readonly string[] {
    return this.#site.under(id)
  }

  async listens(id: number): Promise<void> {
    await Promise.all(this.to(id).map((link) => link.open()))
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((link) => link.close()))
  }

  #port(from: number, to: number): number {
    const count = this.ids.length
    return this.#firstPort + this.ids.indexOf(from) * count + this.ids.indexOf(to)
  }
}
