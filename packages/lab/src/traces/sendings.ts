import type { ActorId, PictureMessage } from '../picture/picture.js'
import { type EventPlace, comparePlaces, laterPlace } from './event-place.js'
import { reasonsFor } from './reasons.js'

/** A time in which an actor could send nothing, as it was down or paused. */
interface Absence {
  readonly from: EventPlace
  until: EventPlace | undefined
}

/**
 * Guesses where a message was sent whose arrival alone is known: after its reason (the question
 * that it answers, or a durable record such as a promise), otherwise as late as the shortest
 * latency allows. Never after the arrival, nor while its sender was down or paused.
 */
export class Sendings {
  readonly #shortestMs: number
  readonly #longestMs: number
  readonly #facts = new Map<string, EventPlace>()
  /** Facts too new for what arrives to follow them. */
  readonly #recent: { readonly name: string; readonly place: EventPlace }[] = []
  readonly #absences = new Map<ActorId, Absence[]>()
  /** Facts that a paused actor does not know of yet. */
  readonly #held = new Map<ActorId, string[]>()

  /**
   * `latencyMs` is from the shortest to the longest that a message is on its way where nothing
   * holds it up.
   */
  constructor(latencyMs: readonly [shortest: number, longest: number]) {
    const [shortest, longest] = latencyMs
    this.#shortestMs = shortest
    this.#longestMs = longest
  }

  /** Something happened to an actor that may make it send. */
  fact(actor: ActorId, fact: string, place: EventPlace): void {
    const name = `${actor} ${fact}`
    const held = this.#held.get(actor)
    if (held === undefined) this.#recent.push({ name, place })
    else held.push(name)
  }

  pause(actor: ActorId, from: EventPlace): void {
    this.stop(actor, from)
    this.#held.set(actor, [])
  }

  stop(actor: ActorId, from: EventPlace): void {
    this.#held.delete(actor)
    this.resume(actor, from)
    const known = this.#absences.get(actor)
    if (known === undefined) this.#absences.set(actor, [{ from, until: undefined }])
    else known.push({ from, until: undefined })
  }

  /** An actor that was paused goes on, or one that was down is started. */
  resume(actor: ActorId, until: EventPlace): void {
    const absence = this.#absences.get(actor)?.at(-1)
    if (absence !== undefined) absence.until ??= until
    const held = this.#held.get(actor) ?? []
    this.#held.delete(actor)
    for (const name of held) this.#recent.push({ name, place: until })
  }

  /** Where this message was sent, which arrives at `arrival`. Facts and arrivals come in order. */
  of(message: PictureMessage, arrival: EventPlace): EventPlace {
    const latestMs = arrival.atMs - this.#shortestMs
    this.#age(latestMs)
    const { facts, only } = reasonsFor(message)
    const reason = facts
      .map((fact) => this.#facts.get(`${message.from} ${fact}`))
      .reduce(laterPlace, undefined)
    if (reason !== undefined && (only || arrival.atMs - reason.atMs <= this.#longestMs))
      return this.#present(message.from, { ...reason, side: 1 })
    return this.#present(message.from, { atMs: latestMs, order: arrival.order - 0.5, side: 0 })
  }

  #age(latestMs: number): void {
    const young = this.#recent.findIndex(({ place }) => place.atMs > latestMs)
    const old = this.#recent.splice(0, young < 0 ? this.#recent.length : young)
    for (const { name, place } of old) this.#facts.set(name, place)
  }

  #present(actor: ActorId, place: EventPlace): EventPlace {
    const absence = this.#absences.get(actor)?.findLast(({ from }) => comparePlaces(from, place) <= 0)
    if (absence === undefined) return place
    const { from, until } = absence
    return until !== undefined && comparePlaces(until, place) <= 0
      ? place
      : this.#present(actor, { ...from, side: -1 })
  }
}
