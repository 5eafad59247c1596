import type { ActorId, ActorEvent, PictureEvent } from '../picture/picture.js'
import { type EventPlace, comparePlaces } from './event-place.js'

interface Placed {
  readonly place: EventPlace
  readonly actor: ActorId
  readonly happening: ActorEvent
}

/** Events on their way into a picture: added in any order, with the place that they belong to. */
export class Draft {
  readonly #placed: Placed[] = []
  readonly actors = new Set<ActorId>()

  add(place: EventPlace, actor: ActorId, happening: ActorEvent): void {
    this.actors.add(actor)
    this.#placed.push({ place, actor, happening })
  }

  /**
   * In order, with steps: what one line of the trace tells of is one step, and so is what happens
   * to one actor at one time with nothing in between.
   */
  events(): PictureEvent[] {
    const sorted = this.#placed.sort((a, b) => comparePlaces(a.place, b.place))
    let step = 0
    return sorted.map(({ actor, happening, place }, index) => {
      const before = sorted[index - 1]
      if (before !== undefined) {
        const isSameTime = before.place.atMs === place.atMs
        if (!isSameTime || (before.actor !== actor && before.place.order !== place.order)) step++
      }
      return { ...happening, actor, step, atMs: place.atMs }
    })
  }
}
