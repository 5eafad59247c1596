export interface Point {
  readonly x: number
  readonly y: number
}

export interface Line {
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
}

/** About how wide a character is in the text of a diagram. */
const CHARACTER_PX = 5.6

/** From the middle of a text to its upper and lower edge. */
const HALF_LINE_PX = 4

/** The middle of a label is so far above its line. */
const ABOVE_PX = 8

/** What is said of a mark begins so far beside its middle. */
export const BESIDE_PX = 9

/** How far along its line a label may stand, if not where it is wanted. */
const SHARES = [0.5, 0.35, 0.65, 0.25, 0.75]

/** Labels overlap where they share a square of this size. */
const SQUARE_PX = 10

/**
 * Finds places for the labels of a diagram, so that few overlap. Labels that come first are placed
 * best.
 */
export class Labels {
  readonly #width: number
  /** Squares that something stands in. */
  readonly #taken = new Set<number>()

  /** `width` is that of the diagram. */
  constructor(width: number) {
    this.#width = width
  }

  /** On which side of a mark its label stands: to its right, if there is room. */
  besideMark(mark: Point, text: string): 'right' | 'left' {
    const reach = BESIDE_PX + widthOf(text)
    const side = mark.x + reach > this.#width && mark.x > reach ? 'left' : 'right'
    const middle = mark.x + ((BESIDE_PX + reach) / 2) * (side === 'left' ? -1 : 1)
    this.#take(squares(mark, LEVEL, 2 * HALF_LINE_PX))
    this.#take(squares({ ...mark, x: middle }, LEVEL, widthOf(text)))
    return side
  }

  /**
   * The point of a line that the middle of its label stands above; `wanted` is how far along the
   * line it should be, from 0 to 1.
   */
  onLine({ x1, x2, y1, y2 }: Line, text: string, wanted: number): Point {
    const length = Math.hypot(x2 - x1, y2 - y1)
    const width = widthOf(text)
    const margin = Math.min(0.5, width / 2 / length)
    // Always to the right, as the text is read.
    const turn = x2 < x1 ? -1 : 1
    const direction = { x: (turn * (x2 - x1)) / length, y: (turn * (y2 - y1)) / length }
    let best = { at: { x: x1, y: y1 }, squares: [] as readonly number[], overlap: Infinity }
    for (const share of [wanted, ...SHARES]) {
      const inside = Math.min(1 - margin, Math.max(margin, share))
      const at = { x: x1 + (x2 - x1) * inside, y: y1 + (y2 - y1) * inside }
      const middle = { x: at.x + direction.y * ABOVE_PX, y: at.y - direction.x * ABOVE_PX }
      const covered = squares(middle, direction, width)
      const overlap = covered.filter((square) => this.#taken.has(square)).length
      if (overlap < best.overlap) best = { at, squares: covered, overlap }
      if (overlap === 0) break
    }
    this.#take(best.squares)
    return best.at
  }

  #take(squares: readonly number[]): void {
    for (const square of squares) this.#taken.add(square)
  }
}

const LEVEL: Point = { x: 1, y: 0 }

function widthOf(text: string): number {
  return text.length * CHARACTER_PX
}

/** The squares that a text covers, whose middle and direction this is. */
function squares(middle: Point, direction: Point, width: number): number[] {
  const covered: number[] = []
  for (let along = -width / 2; along <= width / 2; along += SQUARE_PX / 2) {
    for (const across of [-HALF_LINE_PX, HALF_LINE_PX]) {
      const x = middle.x + along * direction.x - across * direction.y
      const y = middle.y + along * direction.y + across * direction.x
      covered.push(squareAt(x, y))
    }
  }
  return covered
}

/** More squares than a diagram has from left to right. */
const SQUARES_IN_A_ROW = 2 ** 16

function squareAt(x: number, y: number): number {
  return Math.floor(y / SQUARE_PX) * SQUARES_IN_A_ROW + Math.floor(x / SQUARE_PX)
}
