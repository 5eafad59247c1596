import { type Scale, axisFor } from './axis.js'

export interface Point {
  readonly x: number
  readonly y: number
}

/** One panel: lines over the same x, in one unit. */
export interface Panel {
  readonly title: string
  readonly unit: string
  readonly x: { readonly scale: Scale; readonly unit: string }
  readonly lines: readonly { readonly name: string; readonly points: readonly Point[] }[]
}

const WIDTH = 900
const PANEL_HEIGHT = 220
const MARGIN = { left: 70, right: 20, top: 30, bottom: 30 }
const COLOURS = ['#1b6ca8', '#c8553d', '#588157', '#8d6a9f', '#b08900']

/** Panels, one below the other, as an SVG document. */
export function plotSvg(panels: readonly Panel[]): string {
  const height = panels.length * PANEL_HEIGHT
  const body = panels.map(
    (panel, index) => `<g transform="translate(0 ${index * PANEL_HEIGHT})">${panelSvg(panel)}</g>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">
<rect width="${WIDTH}" height="${height}" fill="white"/>
${body.join('\n')}
</svg>
`
}

function panelSvg({ lines, title, unit, x: { scale, unit: unitOfX } }: Panel): string {
  const all = lines.flatMap(({ points }) => points)
  const across = axisFor(
    scale,
    all.map((point) => point.x),
    unitOfX,
  )
  const upwards = axisFor(
    'linear',
    all.map((point) => point.y),
    '',
  )
  const [width, height] = [WIDTH - MARGIN.left - MARGIN.right, PANEL_HEIGHT - MARGIN.top - MARGIN.bottom]
  const x = (value: number) => round(MARGIN.left + across.position(value) * width)
  const y = (value: number) => round(MARGIN.top + height - upwards.position(value) * height)
  const rows = upwards.ticks.map(
    ({ label, value }) =>
      `<line x1="${MARGIN.left}" x2="${MARGIN.left + width}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end">${label}</text>`,
  )
  const columns = across.ticks.map(
    ({ label, value }) =>
      `<text x="${x(value)}" y="${MARGIN.top + height + 16}" text-anchor="middle">${escaped(label)}</text>`,
  )
  const drawn = lines.map(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length] ?? 'black'
    const path = points.map((point) => `${x(point.x)},${y(point.y)}`).join(' ')
    const legend = `<text x="${WIDTH - MARGIN.right - 60 * (lines.length - index)}" y="18" fill="${colour}">${escaped(name)}</text>`
    return `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${path}"/>${legend}`
  })
  const heading = `<text x="${MARGIN.left}" y="18" font-weight="bold">${escaped(title)}, ${escaped(unit)}</text>`
  return [heading, ...rows, ...columns, ...drawn].join('\n')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
