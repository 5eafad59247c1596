import { useComputed, useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { type Layout, heightOf, rowEnd, visiblePart } from '../picture/layout.js'
import { Drawing, type DrawingProps } from './drawing.js'

export interface DiagramProps extends Omit<DrawingProps, 'part' | 'columns'> {
  readonly layout: Layout
  /** How many rows are over at the position, where that is not the end. */
  readonly rows?: number | undefined
  /** Is told how much room there is. */
  readonly onWidth?: (width: number) => void
}

/**
 * Beyond the edge of what is to be seen, so that it need not be drawn anew with every pixel that
 * one scrolls.
 */
const OVERSCAN = 400

/**
 * What is selected stands no closer to the lower edge, as the heads of the columns have their place
 * above.
 */
const MARGIN_PX = 60

/**
 * The space-time diagram: actors from left to right, time from top to bottom. Only what is to be
 * seen of it is drawn.
 */
export function Diagram({ layout, onWidth, rows, ...drawing }: DiagramProps) {
  const frame = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(0)
  const current = useSignal(layout)
  current.value = layout
  const part = useComputed(() =>
    visiblePart(current.value, top.value - OVERSCAN, top.value + height.value + OVERSCAN),
  )

  useLayoutEffect(() => {
    const element = frame.current
    if (element === null) return
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight
      onWidth?.(element.clientWidth)
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
    }
  }, [height, onWidth])

  // What is new comes into view, as long as one looks at nothing else.
  useLayoutEffect(() => {
    const element = frame.current
    if (element !== null && drawing.selected === undefined) element.scrollTop = element.scrollHeight
  }, [layout.height, drawing.selected])

  const now = rows === undefined ? undefined : rowEnd(layout, rows)
  useLayoutEffect(() => {
    const element = frame.current
    if (element !== null && now !== undefined) element.scrollTop = now - element.clientHeight / 2
  }, [now])

  // By key one may get to what is out of sight.
  useLayoutEffect(() => {
    const element = frame.current
    const y = drawing.selected === undefined ? undefined : heightOf(layout, drawing.selected)
    if (element === null || y === undefined) return
    const isSeen = y >= element.scrollTop && y <= element.scrollTop + element.clientHeight - MARGIN_PX
    if (!isSeen) element.scrollTop = y - element.clientHeight / 2
  }, [drawing.selected])

  return (
    <div
      class="diagram"
      ref={frame}
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop
      }}
    >
      <div class="heads" style={{ width: `${layout.width}px` }}>
        {layout.columns.map(({ actor, x }) => (
          <span key={actor} style={{ left: `${x}px` }}>
            {actor.toUpperCase()}
          </span>
        ))}
      </div>
      <svg
        width={layout.width}
        height={layout.height}
        role="img"
        aria-label="Space-time diagram"
        onPointerLeave={() => drawing.onPoint?.(undefined)}
      >
        <Drawing {...drawing} part={part.value} columns={layout.columns} />
        {now !== undefined && <line class="now" x1={0} y1={now} x2={layout.width} y2={now} />}
      </svg>
    </div>
  )
}
