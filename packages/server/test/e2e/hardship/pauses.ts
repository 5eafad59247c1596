/** By what happened, how long the cluster paused. */
export class Pauses {
  readonly #pausesMs = new Map<string, number[]>()

  add(what: string, pauseMs: number): void {
    const pausesMs = this.#pausesMs.get(what) ?? []
    this.#pausesMs.set(what, [...pausesMs, pauseMs])
  }

  /** One line for each, the longest pauses first. */
  table(): string {
    return [...this.#pausesMs]
      .map(([what, pausesMs]) => ({ what, sorted: pausesMs.toSorted((a, b) => a - b) }))
      .map(({ what, sorted }) => ({ what, sorted, mostMs: sorted.at(-1) ?? 0 }))
      .sort((a, b) => b.mostMs - a.mostMs)
      .map(({ mostMs, sorted, what }) => {
        const medianMs = sorted[sorted.length >> 1] ?? 0
        return `  ${what}: ${sorted.length} times, pause ${Math.round(medianMs)} ms median, ${Math.round(mostMs)} ms most\n`
      })
      .join('')
  }
}
