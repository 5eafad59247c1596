import type { ActorId, ActorEvent, PictureMessage } from '../picture/picture.js'
import { Draft } from './draft.js'
import { type Fields, actorAt, countAt, asCount, fieldsAt, isFields, listAt, textAt } from './json.js'
import { KnownValues } from './known-values.js'
import { pictureMessage } from './message.js'
import type { EventPlace } from './event-place.js'
import { CLIENT_CALL, factsOfArrival, factsOfRecord } from './reasons.js'
import { recordOf } from './record.js'
import type { Sendings } from './sendings.js'
import { RESUME } from './simulated.js'
import type { ActorLine } from './actor-line.js'
import { faultWords, requestWords, returnWords } from './words.js'

/**
 * How many of the slots that a replica knows as chosen when it opens are shown: it may be a whole
 * log.
 */
const MOST_CHOSEN = 1000

/** Makes events of the lines of a trace, one after the other. */
export class TraceNarrator {
  readonly draft = new Draft()
  readonly messages: PictureMessage[] = []
  readonly #servers: readonly ActorId[]
  readonly #sendings: Sendings
  readonly #sentIn: ReadonlyMap<ActorLine, ActorLine>
  /** Messages with a sending of their own, by its line. */
  readonly #sent = new Map<ActorLine, PictureMessage>()
  /** Of each way, the messages sent that have not arrived, in order. */
  readonly #underWay = new Map<string, Set<PictureMessage>>()
  readonly #arriving: ReadonlySet<ActorLine>
  readonly #doomed = new Set<PictureMessage>()
  readonly #values = new KnownValues()
  readonly #up = new Set<ActorId>()
  readonly #paused = new Set<ActorId>()
  readonly #started = new Set<ActorId>()

  /** `sentIn` has the sending of each arrival that has one. */
  constructor(servers: readonly ActorId[], sendings: Sendings, sentIn: ReadonlyMap<ActorLine, ActorLine>) {
    this.#servers = servers
    this.#sendings = sendings
    this.#sentIn = sentIn
    this.#arriving = new Set(sentIn.values())
  }

  /**
   * Throws a `FieldError`, and adds nothing, if something is missing that a line of its kind has.
   */
  addLine(line: ActorLine, place: EventPlace): void {
    const { actor, event, fields } = line
    if (actor !== undefined) this.#addActorLine(actor, line, place)
    else if (event === 'heal') for (const server of this.#servers) this.#note(place, server, 'all faults end')
    if (event === 'fault') this.#fault(fieldsAt(fields, 'fault'), place)
    if (event === 'violation') this.#violation(fields, place)
  }

  #addActorLine(actor: ActorId, line: ActorLine, place: EventPlace): void {
    const { event, fields } = line
    switch (event) {
      case 'start':
        this.#start(actor, place)
        break
      case 'open': {
        const damage = typeof fields.damage === 'string' ? `; it does not vote: ${fields.damage}` : ''
        this.#note(place, actor, `takes part: ${textAt(fields, 'recovery')}${damage}`)
        break
      }
      case 'stop':
        this.#stop(actor, place)
        break
      case RESUME:
        if (this.#paused.delete(actor)) this.draft.add(place, actor, { kind: 'resume' })
        this.#sendings.resume(actor, place)
        break
      case 'failed':
        this.#note(place, actor, `gives up: ${textAt(fields, 'code')}: ${textAt(fields, 'message')}`)
        break
      case 'send':
        this.#send(line, place)
        break
      case 'message':
        this.#arrive(line, place)
        break
      case 'durable':
        this.#durable(actor, fields, place)
        break
      case 'chosen':
        this.#chosen(actor, countAt(fields, 'first'), countAt(fields, 'last'), place)
        break
      case 'execute': {
        const slot = countAt(fields, 'slot')
        this.draft.add(place, actor, { kind: 'execute', first: slot, last: slot })
        break
      }
      case 'dropped':
        this.#note(place, actor, `${countAt(fields, 'events')} events are missing here`)
        break
      case 'invoke':
        this.#note(place, actor, requestWords(fieldsAt(fields, 'request')))
        this.#sendings.fact(actor, CLIENT_CALL, place)
        break
      case 'return':
        this.#note(place, actor, returnWords(fields))
        break
      default:
        break
    }
  }

  #start(actor: ActorId, place: EventPlace): void {
    // No line tells of its end: it was killed.
    if (this.#up.has(actor)) this.#stop(actor, place)
    this.#up.add(actor)
    if (this.#started.has(actor)) this.draft.add(place, actor, { kind: 'restart' })
    else this.#note(place, actor, 'starts')
    this.#started.add(actor)
    this.#sendings.resume(actor, place)
  }

  #stop(actor: ActorId, place: EventPlace): void {
    this.#up.delete(actor)
    this.#paused.delete(actor)
    this.draft.add(place, actor, { kind: 'crash' })
    this.#sendings.stop(actor, place)
  }

  #send(line: ActorLine, place: EventPlace): void {
    const message = this.#message(line.fields)
    this.#sent.set(line, message)
    if (!this.#arriving.has(line)) this.#doomed.add(message)
    const way = `${message.from} ${message.to}`
    const others = this.#underWay.get(way)
    if (others === undefined) this.#underWay.set(way, new Set([message]))
    else others.add(message)
    this.#values.onMessage(message.from, message)
    this.draft.add(place, message.from, { kind: 'send', message: message.id })
  }

  #arrive(line: ActorLine, place: EventPlace): void {
    const sending = this.#sentIn.get(line)
    const known = sending === undefined ? undefined : this.#sent.get(sending)
    const message = known ?? this.#message(line.fields)
    const { from, id, to } = message
    if (known === undefined)
      this.draft.add(this.#sendings.of(message, place), from, { kind: 'send', message: id })
    else this.#loseBefore(known, place)
    this.draft.add(place, to, { kind: 'receive', message: id, again: line.fields.again === true })
    for (const fact of factsOfArrival(message)) this.#sendings.fact(to, fact, place)
    this.#values.onMessage(to, message)
  }

  /**
   * What was sent earlier on the way of a message that has arrived, and has no arrival in the
   * trace, is not coming any more.
   */
  #loseBefore(message: PictureMessage, place: EventPlace): void {
    const others = this.#underWay.get(`${message.from} ${message.to}`) ?? []
    for (const other of others) {
      if (other.id > message.id) break
      if (this.#doomed.delete(other)) {
        const lost: ActorEvent = { kind: 'lose', message: other.id, why: 'nothing tells that it arrived' }
        this.draft.add(place, other.to, lost)
      } else if (other !== message) continue
      if (others instanceof Set) others.delete(other)
    }
  }

  #message(fields: Fields): PictureMessage {
    const [from, to] = [actorAt(fields, 'from'), actorAt(fields, 'to')]
    const message = pictureMessage(this.messages.length, from, to, fieldsAt(fields, 'message'))
    this.messages.push(message)
    for (const actor of [from, to]) this.draft.actors.add(actor)
    return message
  }

  #durable(actor: ActorId, fields: Fields, place: EventPlace): void {
    const records = listAt(fields, 'records').flatMap((it) => (isFields(it) ? (recordOf(it) ?? []) : []))
    this.draft.add(place, actor, { kind: 'durable', records })
    for (const record of records) {
      this.#values.record(actor, record)
      for (const fact of factsOfRecord(record)) this.#sendings.fact(actor, fact, place)
    }
  }

  #chosen(actor: ActorId, first: number, last: number, place: EventPlace): void {
    const shown = Math.max(first, last - MOST_CHOSEN + 1)
    if (shown > first) this.#note(place, actor, `knows slots ${first} to ${shown - 1} to be chosen`)
    if (shown > last) return
    const values = this.#values.between(actor, shown, last)
    this.draft.add(place, actor, { kind: 'chosen', first: shown, values })
  }

  #fault(fault: Fields, place: EventPlace): void {
    const words = faultWords(fault)
    const struck = this.#struckBy(fault)
    for (const actor of struck) {
      if (fault.kind === 'pause' && this.#up.has(actor)) {
        if (this.#paused.has(actor)) continue
        this.#paused.add(actor)
        this.#sendings.pause(actor, place)
        this.draft.add(place, actor, { kind: 'pause' })
      } else this.#note(place, actor, words)
    }
  }

  /** A server, a client, both ends of a way; or all servers. */
  #struckBy({ client, from, server, to }: Fields): readonly ActorId[] {
    const servers = [server, from, to].flatMap((it) => asCount(it) ?? []).map((id) => `s${id}`)
    const clients = asCount(client) === undefined ? [] : [`c${asCount(client)}`]
    if (typeof from === 'string') clients.push(from)
    const struck = [...clients, ...servers]
    return struck.length === 0 ? this.#servers : struck
  }

  /** It stands with the first server that it speaks of. */
  #violation(fields: Fields, place: EventPlace): void {
    const message = textAt(fields, 'message')
    const named = /\bs\d+\b/.exec(message)?.[0] ?? ''
    const actor = this.draft.actors.has(named) ? named : (this.#servers[0] ?? 's1')
    this.draft.add(place, actor, { kind: 'violation', text: `${textAt(fields, 'kind')}: ${message}` })
  }

  #note(place: EventPlace, actor: ActorId, text: string): void {
    this.draft.add(place, actor, { kind: 'note', text })
  }
}
