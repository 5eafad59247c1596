import { renderToString } from 'preact-render-to-string'
import type { Layout } from '../picture/layout.js'
import style from './diagram.css?inline'
import { Drawing } from './drawing.js'

/** Room for the names above the columns, in pixels. */
const HEADS = 28

/** A diagram as a file of its own: an SVG with the colours in it, for dark and for light. */
export function pictureFile(layout: Layout): string {
  const { columns, width } = layout
  const height = layout.height + HEADS
  return renderToString(
    <svg
      xmlns="http://www.w3.org/2000/svg"
      viewBox={`0 ${-HEADS} ${width} ${height}`}
      width={width}
      height={height}
    >
      <style>{style}</style>
      <rect y={-HEADS} width="100%" height="100%" fill="var(--paper)" />
      {columns.map(({ actor, x }) => (
        <text key={actor} class="head-of-column" x={x} y={-8} text-anchor="middle">
          {actor.toUpperCase()}
        </text>
      ))}
      <Drawing part={layout} columns={columns} />
    </svg>,
  )
}
