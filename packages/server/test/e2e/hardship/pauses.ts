/** By what happened, how long the cluster paused. */
export class Pauses {
  readonly #pauses_ms = new Map<string, number[]>()

  add(what: string, pause_ms: number): void {
    const pauses_ms = this.#pauses_ms.get(what) ?? []
    this.#pauses_ms.set(what, [...pauses_ms, pause_ms])
  }

  /** One line for each, the longest pauses first. */
  table(): string {
    return [...this.#pauses_ms]
      .map(([what, pauses_ms]) => ({ what, sorted: pauses_ms.toSorted((a, b) => a - b) }))
      .map(({ what, sorted }) => ({ what, sorted, most_ms: sorted.at(-1) ?? 0 }))
      .sort((a, b) => b.most_ms - a.most_ms)
      .map(({ most_ms, sorted, what }) => {
        const median_ms = sorted[sorted.length >> 1] ?? 0
        return `  ${what}: ${sorted.length} times, pause ${Math.round(median_ms)} ms median, ${Math.round(most_ms)} ms most\n`
      })
      .join('')
  }
}
