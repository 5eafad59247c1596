import { eventText } from './event-text.js'
import { labelOf } from './label.js'
import { Labels, type Point } from './labels.js'
import type { ActorId, ActorEvent, Picture, PictureEvent, PictureMessage } from './picture.js'

/**
 * Where everything of a space-time diagram stands, in pixels: columns from left to right, time from
 * top to bottom.
 */
export interface Layout {
  readonly width: number
  readonly height: number
  readonly rowHeight: number
  readonly columns: readonly Column[]
  readonly arrows: readonly Arrow[]
  readonly marks: readonly EventMark[]
  /** The steps that have a row, in order; the place of a step in here is its row. */
  readonly steps: readonly number[]
}

export interface Column {
  readonly actor: ActorId
  readonly x: number
  /**
   * The line of its life, in pieces: a server that is down has none, one that is paused a dotted
   * one.
   */
  readonly life: readonly Life[]
}

export interface Life {
  readonly top: number
  readonly bottom: number
  readonly state: 'up' | 'paused'
}

/** A message, from where it left to where it arrived, got lost, or is now. */
export interface Arrow {
  readonly message: PictureMessage
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
  readonly text: string
  /** The middle of its text, on its line. */
  readonly label: Point
  readonly end: 'arrived' | 'lost' | 'under way'
  /** A copy of one that arrived before. */
  readonly again: boolean
  /** Of the events in which it left and ended; −1 where that is not in the picture. */
  readonly sent: number
  readonly ended: number
}

/** What happened to one actor in one step, apart from messages. */
export interface EventMark {
  readonly actor: ActorId
  readonly x: number
  readonly y: number
  readonly kind: MarkKind
  /** The places of its events in the picture. */
  readonly events: readonly number[]
  readonly text: string
  /** Where its text stands; undefined for a mark whose shape says enough. */
  readonly side: 'right' | 'left' | undefined
}

export type MarkKind = Exclude<ActorEvent['kind'], 'send' | 'receive' | 'lose'>

export interface LayoutOptions {
  readonly columnWidth: number
  readonly rowHeight: number
  /** Which events are drawn; a message is drawn if its sending or its end is. */
  readonly shows: (event: PictureEvent, index: number) => boolean
}

/**
 * Room above the first row for the heads of the columns, and to the left and right of the outer
 * ones.
 */
const HEAD = 12
const MARGIN = 40
/** To the right of the last column stands what is said of its marks. */
const RIGHT_MARGIN = 150

/** What a diagram is wider than its columns. */
export const MARGINS_PX = MARGIN + RIGHT_MARGIN

interface Ends {
  sent: number
  /** Every end: a message may arrive several times. */
  readonly ended: number[]
}

/**
 * Lays a picture out. Every step in which something is shown has a row; the rows are equally far
 * apart.
 */
export function layOut(picture: Picture, { columnWidth, rowHeight, shows }: LayoutOptions): Layout {
  const { actors, events, messages } = picture
  const xOf = new Map(actors.map((actor, index) => [actor, MARGIN + index * columnWidth]))
  const ends = endsOf(picture)
  const shown = events.map(shows)
  for (const { ended, sent } of ends.values()) {
    if (![sent, ...ended].some((index) => shown[index] === true)) continue
    for (const index of [sent, ...ended]) if (index >= 0) shown[index] = true
  }
  const rows = new Map<number, number>()
  for (const [index, { step }] of events.entries()) {
    if (shown[index] === true && !rows.has(step)) rows.set(step, HEAD + (rows.size + 0.5) * rowHeight)
  }
  const height = HEAD + (rows.size + 1) * rowHeight
  const yOf = (index: number) => rows.get(events[index]?.step ?? -1) ?? 0

  const width = MARGINS_PX + Math.max(0, actors.length - 1) * columnWidth
  const labels = new Labels(width)
  const marks = marksOf(picture, shown, (actor) => xOf.get(actor) ?? 0, yOf).map((mark) =>
    placed(mark, labels),
  )
  const arrows: Arrow[] = []
  const draw = (arrow: Omit<Arrow, 'label' | 'text'>) => {
    const text = labelOf(arrow.message)
    arrows.push({ ...arrow, text, label: labels.onLine(arrow, text, wantedShare(arrow, columnWidth)) })
  }
  for (const [id, { ended, sent }] of ends) {
    const message = messages[id]
    if (message === undefined || ![sent, ...ended].some((index) => shown[index] === true)) continue
    const x1 = xOf.get(message.from) ?? 0
    const x2 = xOf.get(message.to) ?? 0
    const y1 = sent < 0 ? yOf(ended[0] ?? -1) : yOf(sent)
    for (const end of ended) {
      const event = events[end]
      const again = event?.kind === 'receive' && event.again
      const way = { message, again, sent, ended: end, x1, y1 }
      if (event?.kind === 'receive') draw({ ...way, x2, y2: yOf(end), end: 'arrived' })
      // The cross stands short of the receiver, which has not heard of it.
      else draw({ ...way, x2: x1 + (x2 - x1) * LOST_AT, y2: yOf(end), end: 'lost' })
    }
    if (ended.length > 0) continue
    const y2 = Math.min(y1 + UNDER_WAY_ROWS * rowHeight, height - rowHeight / 4)
    draw({
      message,
      again: false,
      sent,
      ended: -1,
      x1,
      y1,
      x2: x1 + (x2 - x1) * UNDER_WAY_AT,
      y2,
      end: 'under way',
    })
  }
  return {
    width,
    height,
    rowHeight,
    columns: actors.map((actor) => ({
      actor,
      x: xOf.get(actor) ?? 0,
      life: lifeOf(picture, actor, yOf, height),
    })),
    arrows,
    marks,
    steps: [...rows.keys()],
  }
}

/**
 * How far along an arrow its label should stand: in the last gap between columns to the right, so
 * that the labels of a broadcast stand apart; in the middle of one that ends short of a column.
 */
function wantedShare({ x1, x2 }: Pick<Arrow, 'x1' | 'x2'>, columnWidth: number): number {
  const width = Math.abs(x2 - x1)
  const share = width <= columnWidth ? 0.5 : 1 - columnWidth / 2 / width
  return x2 > x1 ? share : 1 - share
}

/** How far on its way a message is drawn that got lost, or that is under way. */
const LOST_AT = 0.7
const UNDER_WAY_AT = 0.6
const UNDER_WAY_ROWS = 2

function endsOf({ events }: Picture): Map<number, Ends> {
  const ends = new Map<number, Ends>()
  for (const [index, event] of events.entries()) {
    if (event.kind !== 'send' && event.kind !== 'receive' && event.kind !== 'lose') continue
    const known = ends.get(event.message) ?? { sent: -1, ended: [] }
    if (event.kind === 'send') known.sent = index
    else known.ended.push(index)
    ends.set(event.message, known)
  }
  return ends
}

type BareMark = Omit<EventMark, 'side'>

/** Kinds of arrows whose shape does not say enough. */
const TOLD: ReadonlySet<MarkKind> = new Set(['chosen', 'role', 'violation', 'note'])

function placed(mark: BareMark, labels: Labels): EventMark {
  const isTold = TOLD.has(mark.kind)
  const side = labels.besideMark(mark, isTold ? mark.text : '')
  return { ...mark, side: isTold ? side : undefined }
}

/** Events of one actor, step and kind are one mark. */
function marksOf(
  { events }: Picture,
  shown: readonly boolean[],
  xOf: (actor: ActorId) => number,
  yOf: (index: number) => number,
): BareMark[] {
  const marks = new Map<string, BareMark & { events: number[]; text: string }>()
  for (const [index, event] of events.entries()) {
    const { actor, kind, step } = event
    if (shown[index] !== true || kind === 'send' || kind === 'receive' || kind === 'lose') continue
    const name = `${actor} ${step} ${kind}`
    const known = marks.get(name)
    const text = eventText(event)
    if (known === undefined)
      marks.set(name, { actor, x: xOf(actor), y: yOf(index), kind, events: [index], text })
    else {
      known.events.push(index)
      known.text += `; ${text}`
    }
  }
  return [...marks.values()]
}

function lifeOf({ events }: Picture, actor: ActorId, yOf: (index: number) => number, bottom: number): Life[] {
  const life: Life[] = []
  let state: Life['state'] | 'down' = 'up'
  let top = HEAD
  const turn = (next: Life['state'] | 'down', y: number) => {
    if (state !== 'down' && y > top) life.push({ top, bottom: y, state })
    state = next
    top = y
  }
  for (const [index, event] of events.entries()) {
    if (event.actor !== actor) continue
    const y = yOf(index)
    if (event.kind === 'crash') turn('down', y)
    else if (event.kind === 'restart' || event.kind === 'resume') turn('up', y)
    else if (event.kind === 'pause') turn('paused', y)
  }
  turn('down', bottom)
  return life
}

/** The events that are drawn, in order. */
export function drawnEvents({ arrows, marks }: Layout): number[] {
  const events = [
    ...arrows.flatMap(({ ended, sent }) => [sent, ended]),
    ...marks.flatMap((mark) => mark.events),
  ]
  return [...new Set(events)].filter((event) => event >= 0).sort((a, b) => a - b)
}

/** How far down an event stands; undefined if it is not drawn. */
export function heightOf({ arrows, marks }: Layout, event: number): number | undefined {
  const arrow = arrows.find(({ ended, sent }) => ended === event || sent === event)
  if (arrow !== undefined) return arrow.sent === event ? arrow.y1 : arrow.y2
  return marks.find((mark) => mark.events.includes(event))?.y
}

/** How far down the first `rows` rows end. */
export function rowEnd({ rowHeight }: Layout, rows: number): number {
  return HEAD + rows * rowHeight
}

/**
 * The part of a layout between two heights: with many thousand rows only what is to be seen is
 * drawn.
 */
export function visiblePart(
  { arrows, marks }: Layout,
  top: number,
  bottom: number,
): Pick<Layout, 'arrows' | 'marks'> {
  return {
    arrows: arrows.filter(({ y1, y2 }) => Math.min(y1, y2) <= bottom && Math.max(y1, y2) >= top),
    marks: marks.filter(({ y }) => y >= top && y <= bottom),
  }
}
