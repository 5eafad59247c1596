/** What is at a place that the list has. */
export function elementAt<T>(list: ArrayLike<T>, place: number): T {
  return list[place] as T
}
