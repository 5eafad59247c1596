import { computed, signal } from '@preact/signals'
import { inspect } from '../engine/inspect.js'
import { possible } from '../engine/possible.js'
import { nextCommand } from '../engine/scheduler.js'
import { LabSession } from '../engine/lab-session.js'
import type { Lesson } from '../lessons/lesson.js'
import type { Core } from '../engine/core.js'
import { causesOf } from '../picture/causes.js'
import { chosenValues } from '../picture/chosen-values.js'
import { type Filter, NO_FILTER, filterEvents } from '../picture/filter.js'
import { parseFilter } from '../picture/filter-text.js'
import { MARGINS_PX, drawnEvents, layOut } from '../picture/layout.js'
import { logsOf } from '../picture/logs.js'
import { EMPTY_PICTURE, type Picture } from '../picture/picture.js'

/** A lesson, and how many of its commands have been played. */
export interface Reading {
  readonly lesson: Lesson
  /** The core that it is played on, where that is not the sound one. */
  readonly core: Core | undefined
  readonly played: number
}

/** A trace that was opened: it can be looked at, and not played on. */
export interface Opened {
  readonly name: string
  /** What of it could not be read; empty if all could. */
  readonly note: string
  readonly picture: Picture
}

const ROW_PX = 28
/** Columns are as far apart as there is room, within these bounds. */
const MIN_COLUMN_PX = 120
const MAX_COLUMN_PX = 240

/** All that the page shows, and what one can do to it. */
export class Lab {
  /** Sessions change in place: each change is told by another object around it. */
  readonly #played = signal({ session: LabSession.parse('cluster 3 leader') })
  readonly opened = signal<Opened | undefined>(undefined)
  readonly reading = signal<Reading | undefined>(undefined)
  readonly filterText = signal('')
  readonly heartbeats = signal(false)
  /** Places of events in the picture: the one that is pointed at, and the one that is selected. */
  readonly pointed = signal<number | undefined>(undefined)
  readonly selected = signal<number | undefined>(undefined)
  /** The message under way that was clicked. */
  readonly message = signal<number | undefined>(undefined)
  readonly isRunning = signal(false)
  /** How much room there is for the diagram, in pixels. */
  readonly width = signal(760)
  /** What could not be done, and why. */
  readonly problem = signal<string | undefined>(undefined)

  /** How many rows of a trace are over at the moment that one looks at. */
  readonly #rows = signal(0)
  /** The position in time: the number of commands played, or of rows of a trace. */
  readonly position = computed(() =>
    this.opened.value === undefined
      ? this.#played.value.session.position
      : Math.min(this.#rows.value, this.length.value),
  )
  readonly length = computed((): number =>
    this.opened.value === undefined
      ? this.#played.value.session.lines.length
      : this.layout.value.steps.length,
  )
  /** What is wrong by now; of a trace, what it tells of. */
  readonly violation = computed(() => {
    if (this.opened.value === undefined) return this.#played.value.session.violation
    const told = this.picture.value.events.findIndex(({ kind }) => kind === 'violation')
    const event = this.picture.value.events[told]
    return event?.kind === 'violation' && told <= this.#lastEvent() ? event.text : undefined
  })
  readonly picture = computed(
    () => this.opened.value?.picture ?? this.#played.value.session.picture ?? EMPTY_PICTURE,
  )
  readonly filter = computed((): Filter | Error => {
    try {
      return parseFilter(this.filterText.value)
    } catch (error) {
      return error as Error
    }
  })
  readonly layout = computed(() => {
    const filter = this.filter.value instanceof Error ? NO_FILTER : this.filter.value
    const all = { ...filter, heartbeats: filter.heartbeats || this.heartbeats.value }
    const shown = new Set(filterEvents(all, this.picture.value))
    return layOut(this.picture.value, {
      columnWidth: this.#columnWidth(),
      rowHeight: ROW_PX,
      shows: (_, index) => shown.has(index),
    })
  })
  readonly causes = computed(() => causesOf(this.picture.value))
  readonly logs = computed(() => logsOf(this.picture.value))
  readonly choices = computed(() => chosenValues(this.picture.value))
  readonly possible = computed(() => possible(this.#played.value.session))
  /** The event at which the logs are shown. */
  readonly moment = computed(() => this.selected.value ?? this.#lastEvent())
  readonly states = computed(() => {
    const event = this.selected.value
    return event === undefined || this.opened.value !== undefined
      ? undefined
      : inspect(this.#played.value.session, event)
  })

  /** Carries out a command. Commands after the current position are dropped: that is a fork. */
  perform(line: string): void {
    this.opened.value = undefined
    this.#change((session) => session.perform(line))
  }

  seek(position: number): void {
    const place = Math.min(Math.max(position, 0), this.length.value)
    if (this.opened.value === undefined) {
      this.#change((session) => {
        session.seek(place)
      })
      return
    }
    this.deselect()
    this.#rows.value = place
  }

  /** Lets the event happen that is due first; in a trace, shows the next event. */
  step(): void {
    if (this.opened.value !== undefined) {
      if (this.position.value === this.length.value) this.isRunning.value = false
      else this.seek(this.position.value + 1)
      return
    }
    const command = nextCommand(this.#played.value.session)
    if (command === undefined) this.problem.value = 'Nothing more will happen by itself.'
    else this.perform(command)
  }

  /** Begins anew, with another script, or just a cluster. */
  begin(script: string): void {
    this.#open(() => LabSession.parse(script), undefined)
  }

  read(lesson: Lesson, core?: Core): void {
    this.#open(() => new LabSession(core), { lesson, core, played: 0 })
    this.playNext()
  }

  /** Plays the next command of the lesson. */
  playNext(): void {
    const reading = this.reading.value
    if (reading === undefined) return
    const commands = reading.lesson.parts.flatMap((part) => part.commands)
    const command = commands[reading.played]
    if (command === undefined) return
    // The user has tried something else: the story resumes where it was left.
    this.opened.value = undefined
    if (this.position.value !== reading.played) this.seek(reading.played)
    this.perform(command)
    if (this.problem.value === undefined) this.reading.value = { ...reading, played: reading.played + 1 }
  }

  /** What was done so far, as a golden script. */
  script(): string {
    return this.#played.value.session.script()
  }

  /** Shows a trace. */
  open(opened: Opened): void {
    this.deselect()
    this.isRunning.value = false
    this.opened.value = opened
    this.#rows.value = Infinity
  }

  /** Selects the event `places` after the selected one, among the drawn events; or the last one. */
  selectNext(places: number): void {
    const events = drawnEvents(this.layout.value)
    const selected = this.selected.value
    const place = selected === undefined ? events.length - 1 : events.indexOf(selected) + places
    const event = events[Math.min(Math.max(place, 0), events.length - 1)]
    this.deselect()
    this.selected.value = event
  }

  /** Nothing is selected any more. */
  deselect(): void {
    this.selected.value = undefined
    this.message.value = undefined
    this.pointed.value = undefined
    this.problem.value = undefined
  }

  /** The last one that is over. */
  #lastEvent(): number {
    const { events } = this.picture.value
    if (this.opened.value === undefined) return events.length - 1
    const step = this.layout.value.steps[this.position.value - 1] ?? -1
    return events.findLastIndex((event) => event.step <= step)
  }

  #columnWidth(): number {
    const gaps = Math.max(1, this.picture.value.actors.length - 1)
    const width = (this.width.value - MARGINS_PX) / gaps
    return Math.min(Math.max(width, MIN_COLUMN_PX), MAX_COLUMN_PX)
  }

  #open(make: () => LabSession, reading: Reading | undefined): void {
    let session: LabSession
    try {
      session = make()
    } catch (error) {
      this.problem.value = (error as Error).message
      return
    }
    this.deselect()
    this.isRunning.value = false
    this.opened.value = undefined
    this.reading.value = reading
    this.#played.value = { session }
  }

  #change(change: (session: LabSession) => unknown): void {
    const { session } = this.#played.value
    this.deselect()
    try {
      change(session)
      if (session.violation !== undefined) this.isRunning.value = false
    } catch (error) {
      this.problem.value = (error as Error).message
      this.isRunning.value = false
    }
    this.#played.value = { session }
  }
}
