/** Where the values of a scale stand, from 0 at its beginning to 1 at its end. */
export interface Axis {
  readonly ticks: readonly { readonly value: number; readonly label: string }[]
  position(value: number): number
}

export type Scale = 'linear' | 'logarithmic'

/** An axis that has round bounds and room for these values; for a logarithmic one, above 0. */
export function axisFor(scale: Scale, values: readonly number[], unit: string): Axis {
  return scale === 'linear' ? linearAxis(values, unit) : logarithmicAxis(values, unit)
}

const LINEAR_TICKS = 5

function linearAxis(values: readonly number[], unit: string): Axis {
  const most = niceCeiling(Math.max(1, ...values))
  const ticks = Array.from({ length: LINEAR_TICKS + 1 }, (_, index) => {
    const value = (index / LINEAR_TICKS) * most
    return { value, label: withUnit(String(Math.round(value * 100) / 100), unit) }
  })
  return { ticks, position: (value) => value / most }
}

/** What is no further above a power of ten needs no further one. */
const SLACK = 1.05

/** A tick for each power of ten. */
function logarithmicAxis(values: readonly number[], unit: string): Axis {
  const first = Math.floor(Math.log10(Math.min(...values, 1e9)))
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values, 1) / SLACK)))
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => ({
    value: 10 ** (first + index),
    label: withUnit(`10${superscript(first + index)}`, unit),
  }))
  return { ticks, position: (value) => (Math.log10(value) - first) / (last - first) }
}

function withUnit(text: string, unit: string): string {
  return unit === '' ? text : `${text} ${unit}`
}

function superscript(power: number): string {
  return String(power).replace(/./g, (character) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(character)] ?? '')
}

/** The next of 1, 2, 5, 10, 20 and so on. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10)
}
