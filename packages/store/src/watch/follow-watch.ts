import type { Following } from 'synod'
import { MAX_ANSWER_BYTES } from '../operations/limits.js'
import type { Answer, Watch, WatchAnswer, WatchEvent } from '../operations/operations.js'
import type { WatchHub } from './watch-hub.js'
import type { WatchNews } from './watcher.js'

/** What an event takes besides its keys and values. */
const EVENT_BYTES = 128

/** A watch that is answered once, when something has changed: the next one goes on from there. */
export function followWatch(hub: WatchHub, watch: Watch, onReady: () => void): Following<Answer> {
  const revision = hub.revision
  const startRevision = watch.startRevision === 0 ? revision + 1 : watch.startRevision
  const watcher = hub.watch({ ...watch, startRevision }, onReady)
  const withRevision = (answer: WatchAnswer) => ({ ...answer, revision: hub.revision })
  return {
    take() {
      const news = watcher.take()
      if (news === undefined || news === 'later') return news
      if (news.type === 'compacted')
        return { answer: { type: 'refused', reason: 'compacted', revision: hub.revision } }
      const answer = answerOf(news, startRevision, watch.skip)
      // All of it may have come before.
      return answer.events.length === 0 ? undefined : { answer: withRevision(answer) }
    },
    idle() {
      const reached = watcher.progress()
      const next = reached === undefined ? startRevision : Math.max(startRevision, reached + 1)
      const skip = next === startRevision ? watch.skip : 0
      return withRevision({ type: 'watch', events: [], startRevision: next, skip })
    },
    end() {
      watcher.cancel()
    },
  }
}

/** As many of the events as fit: what is left is asked for next. */
function answerOf(
  { events, revision }: Extract<WatchNews, { type: 'events' }>,
  startRevision: number,
  skip: number,
): WatchAnswer {
  const isFirst = ({ kv }: WatchEvent) => kv.modRevision === startRevision
  const fresh = skip === 0 ? events : events.filter((event, index) => !isFirst(event) || index >= skip)
  let bytes = 0
  for (const [index, event] of fresh.entries()) {
    bytes += EVENT_BYTES + event.kv.key.length + event.kv.value.length + (event.previous?.value.length ?? 0)
    if (index === 0 || bytes <= MAX_ANSWER_BYTES) continue
    const next = event.kv.modRevision
    const skipped = events.indexOf(event) - events.findIndex(({ kv }) => kv.modRevision === next)
    return { type: 'watch', events: fresh.slice(0, index), startRevision: next, skip: skipped }
  }
  return { type: 'watch', events: fresh, startRevision: revision + 1, skip: 0 }
}
