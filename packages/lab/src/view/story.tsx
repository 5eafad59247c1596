import { LESSONS } from '../lessons/lessons.js'
import { MISTAKE_LESSONS, MISTAKES } from '../lessons/mistakes.js'
import type { Lesson } from '../lessons/lesson.js'
import type { Lab } from './lab.js'

/** The lessons, and the one that is being read, as far as it has been played. */
export function Story({ lab }: { readonly lab: Lab }) {
  const reading = lab.reading.value
  const open = (lesson: Lesson) => {
    lab.read(lesson)
  }
  const breakIt = async (lesson: Lesson) => {
    const mistake = MISTAKES[lesson.name]
    if (mistake !== undefined) lab.read(lesson, await mistake.load())
  }
  return (
    <>
      <div class="telling">
        {reading === undefined ? (
          <section aria-label="Welcome">
            <p class="prose">
              Here is MultiPaxos, as it runs in Synod: each column is a server or a client, time runs down,
              and every arrow is a message.
            </p>
            <p class="prose">
              If it is new to you, read the lessons in order. If you know it, elect a leader, kill it in the
              middle of a command, and see why nothing is lost. Or press <strong>Run</strong> below, and watch
              three servers elect one by themselves.
            </p>
            <div class="row">
              <Begin lab={lab} name="single-decree" text="The first lesson" />
              <Begin lab={lab} name="failover" text="Kill a leader" />
            </div>
          </section>
        ) : (
          <Reading lab={lab} />
        )}
      </div>
      <div class="lists">
        <List lab={lab} title="Lessons" lessons={LESSONS} onOpen={open} />
        <List
          lab={lab}
          title="What goes wrong without a rule"
          lessons={MISTAKE_LESSONS}
          onOpen={(lesson) => {
            void breakIt(lesson)
          }}
        />
      </div>
    </>
  )
}

interface ListProps {
  readonly lab: Lab
  readonly title: string
  readonly lessons: readonly Lesson[]
  readonly onOpen: (lesson: Lesson) => void
}

function List({ lab, lessons, onOpen, title }: ListProps) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <ol class="lessons">
        {lessons.map((lesson) => (
          <li key={lesson.name}>
            <button
              aria-current={lab.reading.value?.lesson === lesson ? 'true' : undefined}
              onClick={() => {
                onOpen(lesson)
              }}
            >
              {lesson.title}
            </button>
          </li>
        ))}
      </ol>
    </section>
  )
}

function Begin({ lab, name, text }: { readonly lab: Lab; readonly name: string; readonly text: string }) {
  const lesson = LESSONS.find((one) => one.name === name)
  return (
    <button
      class="primary"
      onClick={() => {
        if (lesson !== undefined) lab.read(lesson)
      }}
    >
      {text}
    </button>
  )
}

function Reading({ lab }: { readonly lab: Lab }) {
  const reading = lab.reading.value
  if (reading === undefined) return null
  const { lesson, played } = reading
  const violation = lab.violation.value
  let begin = 0
  const begun = lesson.parts.filter((part) => {
    const isBegun = begin < played || begin === 0
    begin += part.commands.length
    return isBegun
  })
  const isOver = played === begin
  return (
    <section aria-label="Lesson">
      <h2>{lesson.title}</h2>
      {begun.map((part, index) => (
        <p key={index} class={index === begun.length - 1 ? 'prose now' : 'prose'}>
          {part.prose}
        </p>
      ))}
      {violation !== undefined && <p class="alarm">{violation}</p>}
      {isOver ? (
        <p class="note">That was it. The cluster is yours: try what else can happen.</p>
      ) : (
        <button class="primary" onClick={() => lab.playNext()}>
          Next <kbd>n</kbd>
        </button>
      )}
    </section>
  )
}
