import { useComputed, useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { labelOf, purposeOf } from '../picture/label.js'
import { type Arrow, type Column, type Layout, type Mark, visiblePart } from '../picture/layout.js'
import type { Picture } from '../picture/picture.js'
import { markTitle } from './mark-title.js'

export interface DiagramProps {
  readonly picture: Picture
  readonly layout: Layout
  /** The place of the event that is selected. */
  readonly selected: number | undefined
  /** Whether an event belongs to the causes and effects of the one that is pointed at; undefined if none is. */
  readonly isRelated: ((event: number) => boolean) | undefined
  readonly onSelect: (event: number) => void
  readonly onPoint: (event: number | undefined) => void
  /** The message under way that was clicked. */
  readonly onMessage: (message: number) => void
}

/** Beyond the edge of what is to be seen, so that it need not be drawn with every pixel that one scrolls. */
const OVERSCAN = 400

/** The space-time diagram: actors from left to right, time from top to bottom. */
export function Diagram(props: DiagramProps) {
  const { isRelated, layout, onMessage, onPoint, onSelect, picture, selected } = props
  const frame = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(0)
  const layoutSignal = useSignal(layout)
  layoutSignal.value = layout
  const part = useComputed(() =>
    visiblePart(layoutSignal.value, top.value - OVERSCAN, top.value + height.value + OVERSCAN),
  )

  useLayoutEffect(() => {
    const element = frame.current
    if (element === null) return
    const measure = () => {
      height.value = element.clientHeight
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => {
      observer.disconnect()
    }
  }, [height])

  // What is new comes into view, as long as one looks at the end.
  useLayoutEffect(() => {
    const element = frame.current
    if (element !== null && selected === undefined) element.scrollTop = element.scrollHeight
  }, [layout.height, selected])

  const dim = (events: readonly number[]) =>
    isRelated !== undefined && !events.some((event) => event >= 0 && isRelated(event)) ? ' dim' : ''

  return (
    <div
      class="diagram"
      ref={frame}
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop
      }}
    >
      <svg
        width={layout.width}
        height={layout.height}
        role="img"
        aria-label="Space-time diagram"
        onPointerLeave={() => {
          onPoint(undefined)
        }}
      >
        {layout.columns.map((column) => (
          <Lifeline key={column.actor} column={column} />
        ))}
        {part.value.arrows.map((arrow) => (
          <ArrowView
            key={`${arrow.message.id} ${arrow.ended}`}
            arrow={arrow}
            dim={dim([arrow.sent, arrow.ended])}
            isSelected={selected !== undefined && (selected === arrow.ended || selected === arrow.sent)}
            onClick={() => {
              if (arrow.end === 'under way') onMessage(arrow.message.id)
              else onSelect(arrow.ended)
            }}
            onPoint={() => {
              onPoint(arrow.ended < 0 ? arrow.sent : arrow.ended)
            }}
          />
        ))}
        {part.value.marks.map((mark) => (
          <MarkView
            key={`${mark.actor} ${mark.events[0] ?? ''}`}
            mark={mark}
            title={markTitle(picture, mark)}
            dim={dim(mark.events)}
            isSelected={selected !== undefined && mark.events.includes(selected)}
            onClick={() => {
              onSelect(mark.events[0] ?? 0)
            }}
            onPoint={() => {
              onPoint(mark.events[0])
            }}
          />
        ))}
      </svg>
    </div>
  )
}

function Lifeline({ column: { actor, life, x } }: { readonly column: Column }) {
  return (
    <g class="lifeline">
      <text x={x} y={20} text-anchor="middle">
        {actor.toUpperCase()}
      </text>
      {life.map(({ bottom, state, top }) => (
        <line key={top} class={state} x1={x} y1={top} x2={x} y2={bottom} />
      ))}
    </g>
  )
}

interface PartProps {
  readonly dim: string
  readonly isSelected: boolean
  readonly onClick: () => void
  readonly onPoint: () => void
}

/** Labels stand on the line, near its start, where the lines of a broadcast have not parted yet; each on its own side. */
const LABEL_AT = 0.5

function ArrowView({ arrow, dim, isSelected, onClick, onPoint }: PartProps & { readonly arrow: Arrow }) {
  const { again, end, message, x1, x2, y1, y2 } = arrow
  const label = labelOf(message)
  const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI
  const turn = Math.abs(angle) > 90 ? angle + 180 : angle
  const [x, y] = [x1 + (x2 - x1) * LABEL_AT, y1 + (y2 - y1) * LABEL_AT]
  const classes = `arrow ${purposeOf(message.type).replaceAll(' ', '-')} ${end.replace(' ', '-')}`
  return (
    <g
      class={classes + dim + (isSelected ? ' selected' : '') + (again ? ' again' : '')}
      onClick={onClick}
      onPointerEnter={onPoint}
      data-message={message.id}
    >
      <title>{`${message.from} → ${message.to}: ${message.text}`}</title>
      <line class="target" x1={x1} y1={y1} x2={x2} y2={y2} />
      <line class="way" x1={x1} y1={y1} x2={x2} y2={y2} />
      {end === 'lost' ? (
        <path class="cross" d={`M${x2 - 5} ${y2 - 5}l10 10m0 -10l-10 10`} />
      ) : (
        <path class="head" d="M0 0L-9 -4L-9 4Z" transform={`translate(${x2} ${y2}) rotate(${angle})`} />
      )}
      <text x={x} y={y} dy={-4} text-anchor="middle" transform={`rotate(${turn} ${x} ${y})`}>
        {label}
      </text>
    </g>
  )
}

function MarkView({
  dim,
  isSelected,
  mark,
  onClick,
  onPoint,
  title,
}: PartProps & { readonly mark: Mark; readonly title: string }) {
  return (
    <g
      class={`mark ${mark.kind}${dim}${isSelected ? ' selected' : ''}`}
      transform={`translate(${mark.x} ${mark.y})`}
      onClick={onClick}
      onPointerEnter={onPoint}
    >
      <title>{title}</title>
      <Shape mark={mark} title={title} />
    </g>
  )
}

/** Each kind has a shape of its own: colour alone tells nobody anything. */
function Shape({ mark, title }: { readonly mark: Mark; readonly title: string }) {
  switch (mark.kind) {
    case 'crash':
      return <path d="M-7 -7L7 7M7 -7L-7 7" />
    case 'restart':
    case 'resume':
      return <path d="M-6 4L0 -6L6 4Z" />
    case 'pause':
      return <path d="M-4 -6V6M4 -6V6" />
    case 'timer':
      return <circle r="5" />
    case 'write':
      return <rect x="-5" y="-4" width="10" height="8" />
    case 'durable':
      return <rect x="-5" y="-4" width="10" height="8" />
    case 'chosen':
    case 'role':
    case 'violation':
      return (
        <>
          <circle r="4" />
          <text x="9" y="4">
            {title}
          </text>
        </>
      )
    case 'execute':
      return <path d="M-4 -5L5 0L-4 5Z" />
    case 'note':
      return (
        <text x="9" y="4">
          {title}
        </text>
      )
  }
}
