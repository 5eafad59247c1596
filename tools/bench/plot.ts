import type { Point } from './trend.js'

/** One panel: lines over the same time, in one unit. */
export interface Panel {
  readonly title: string
  readonly unit: string
  readonly lines: readonly { readonly name: string; readonly points: readonly Point[] }[]
}

const WIDTH = 900
const PANEL_HEIGHT = 220
const MARGIN = { left: 70, right: 20, top: 30, bottom: 30 }
const COLOURS = ['#1b6ca8', '#c8553d', '#588157', '#8d6a9f', '#b08900']
const TICKS = 5

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

function panelSvg({ lines, title, unit }: Panel): string {
  const all = lines.flatMap(({ points }) => points)
  const mostSeconds = niceCeiling(Math.max(1, ...all.map(({ atSeconds }) => atSeconds)))
  const most = niceCeiling(Math.max(1, ...all.map(({ value }) => value)))
  const [width, height] = [WIDTH - MARGIN.left - MARGIN.right, PANEL_HEIGHT - MARGIN.top - MARGIN.bottom]
  const x = (atSeconds: number) => round(MARGIN.left + (atSeconds / mostSeconds) * width)
  const y = (value: number) => round(MARGIN.top + height - (value / most) * height)
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS)
  const grid = ticks.map(
    (share) =>
      `<line x1="${x(0)}" x2="${x(mostSeconds)}" y1="${y(share * most)}" y2="${y(share * most)}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 6}" y="${y(share * most) + 4}" text-anchor="end">${round(share * most)}</text>` +
      `<text x="${x(share * mostSeconds)}" y="${MARGIN.top + height + 16}" text-anchor="middle">${round(share * mostSeconds)} s</text>`,
  )
  const drawn = lines.map(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length] ?? 'black'
    const path = points.map(({ atSeconds, value }) => `${x(atSeconds)},${y(value)}`).join(' ')
    const legend = `<text x="${WIDTH - MARGIN.right - 60 * (lines.length - index)}" y="18" fill="${colour}">${escaped(name)}</text>`
    return `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${path}"/>${legend}`
  })
  const heading = `<text x="${MARGIN.left}" y="18" font-weight="bold">${escaped(title)}, ${escaped(unit)}</text>`
  return [heading, ...grid, ...drawn].join('\n')
}

/** The next of 1, 2, 5, 10, 20 and so on. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
