/** What an item of a LinkedList carries, for the list to use. */
export interface Linked<Item> {
  before: Item | undefined
  after: Item | undefined
}

/**
 * A list through the items themselves, for what comes and goes fast: adding and removing cost the
 * same wherever the item stands, and nothing has to be rebuilt.
 */
export class LinkedList<Item extends Linked<Item>> {
  #first: Item | undefined
  #last: Item | undefined

  get first(): Item | undefined {
    return this.#first
  }

  /** The item must not be in a list. */
  append(item: Item): void {
    item.before = this.#last
    if (this.#last === undefined) this.#first = item
    else this.#last.after = item
    this.#last = item
  }

  /** The item must be in this list. */
  remove(item: Item): void {
    const { before, after } = item
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    // A dead item that still pointed to its neighbours would keep them from being collected
    // cheaply.
    item.before = undefined
    item.after = undefined
  }
}
