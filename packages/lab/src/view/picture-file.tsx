import { render } from 'preact'
import type { Layout } from '../picture/layout.js'
import type { Picture } from '../picture/picture.js'
import style from './diagram.css?inline'
import { Drawing } from './drawing.js'

/** Room for the names above the columns, in pixels. */
const HEADS = 28

/** A diagram as a file of its own: an SVG with the colours in it, in dark and in light. */
export function pictureFile(picture: Picture, layout: Layout): string {
  const host = document.createElement('div')
  const { columns, height, width } = layout
  render(
    <svg
      xmlns="http://www.w3.org/2000/svg"
      viewBox={`0 ${-HEADS} ${width} ${height + HEADS}`}
      width={width}
      height={height + HEADS}
    >
      <style>{style}</style>
      <rect y={-HEADS} width="100%" height="100%" fill="var(--paper)" />
      {columns.map(({ actor, x }) => (
        <text key={actor} class="head-of-column" x={x} y={-8} text-anchor="middle">
          {actor.toUpperCase()}
        </text>
      ))}
      <Drawing picture={picture} part={layout} columns={columns} />
    </svg>,
    host,
  )
  return host.innerHTML
}
