/** How a writer waits for space on a full disk. */
export interface SpaceWaiter {
  /** There is little left: what is not needed must go soon. */
  readonly isShort: boolean
  /** The disk has refused a write for want of space. */
  refused(): void
  /** Resolves when a write is worth another attempt; rejects when none is to be made. */
  wait(): Promise<void>
}

/** A write that is refused is a write that fails. */
export const FAIL_WHEN_FULL: SpaceWaiter = {
  isShort: false,
  refused: () => undefined,
  wait: () => Promise.reject(Object.assign(new Error('no space left on the disk'), { code: 'ENOSPC' })),
}

/** Whether the disk refused a write as it is full, or as a quota is used up. */
export function isNoSpace(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/**
 * Repeats a write until the disk has space for it. `write` must not sync, and must put the same
 * bytes at the same place each time: then a refused attempt leaves nothing that anything rests on.
 */
export async function writeWhenSpace<T>(
  write: () => Promise<T>,
  space: Pick<SpaceWaiter, 'refused' | 'wait'>,
): Promise<T> {
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (!isNoSpace(error)) throw error
      space.refused()
    }
    await space.wait()
  }
}
