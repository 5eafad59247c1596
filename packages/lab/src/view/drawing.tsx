import { purposeOf } from '../picture/label.js'
import { BESIDE_PX } from '../picture/labels.js'
import type { Arrow, Column, Layout, EventMark, MarkKind } from '../picture/layout.js'

export interface DrawingProps {
  /** What of the layout is drawn. */
  readonly part: Pick<Layout, 'arrows' | 'marks'>
  readonly columns: readonly Column[]
  /** The place of the event that is selected. */
  readonly selected?: number | undefined
  /**
   * Whether an event belongs to the causes and effects of the one that is pointed at; undefined if
   * none is.
   */
  readonly isRelated?: ((event: number) => boolean) | undefined
  readonly onSelect?: (event: number) => void
  readonly onPoint?: (event: number | undefined) => void
  /** A message under way was clicked. */
  readonly onMessage?: (message: number) => void
}

/** What stands in the SVG of a space-time diagram. */
export function Drawing(props: DrawingProps) {
  const { columns, isRelated, onMessage, onPoint, onSelect, part, selected } = props
  const dim = (events: readonly number[]) =>
    isRelated !== undefined && !events.some((event) => event >= 0 && isRelated(event)) ? ' dim' : ''
  return (
    <>
      {columns.map((column) => (
        <Lifeline key={column.actor} column={column} />
      ))}
      {part.arrows.map((arrow) => (
        <ArrowView
          key={`${arrow.message.id} ${arrow.ended}`}
          arrow={arrow}
          dim={dim([arrow.sent, arrow.ended])}
          isSelected={selected !== undefined && (selected === arrow.ended || selected === arrow.sent)}
          onClick={() => {
            if (arrow.end === 'under way') onMessage?.(arrow.message.id)
            else onSelect?.(arrow.ended)
          }}
          onPoint={() => onPoint?.(arrow.ended < 0 ? arrow.sent : arrow.ended)}
        />
      ))}
      {part.marks.map((mark) => (
        <MarkView
          key={`${mark.actor} ${mark.events[0] ?? ''}`}
          mark={mark}
          dim={dim(mark.events)}
          isSelected={selected !== undefined && mark.events.includes(selected)}
          onClick={() => onSelect?.(mark.events[0] ?? 0)}
          onPoint={() => onPoint?.(mark.events[0])}
        />
      ))}
    </>
  )
}

function Lifeline({ column: { life, x } }: { readonly column: Column }) {
  return (
    <g class="lifeline">
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

function ArrowView({ arrow, dim, isSelected, onClick, onPoint }: PartProps & { readonly arrow: Arrow }) {
  const { again, end, message, x1, x2, y1, y2 } = arrow
  const { x, y } = arrow.label
  const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI
  const turn = Math.abs(angle) > 90 ? angle + 180 : angle
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
        {arrow.text}
      </text>
    </g>
  )
}

function MarkView({ dim, isSelected, mark, onClick, onPoint }: PartProps & { readonly mark: EventMark }) {
  return (
    <g
      class={`mark ${mark.kind}${dim}${isSelected ? ' selected' : ''}`}
      transform={`translate(${mark.x} ${mark.y})`}
      onClick={onClick}
      onPointerEnter={onPoint}
    >
      <title>{mark.text}</title>
      <Shape kind={mark.kind} />
      {mark.side !== undefined && (
        <text
          x={mark.side === 'right' ? BESIDE_PX : -BESIDE_PX}
          y="4"
          text-anchor={mark.side === 'right' ? 'start' : 'end'}
        >
          {mark.text}
        </text>
      )}
    </g>
  )
}

/** Each kind has a shape of its own: colour alone is not seen by all. */
function Shape({ kind }: { readonly kind: MarkKind }) {
  switch (kind) {
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
      return <circle r="4" />
    case 'execute':
      return <path d="M-4 -5L5 0L-4 5Z" />
    case 'note':
      return null
  }
}
