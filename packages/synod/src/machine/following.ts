/** Something that a query waits for, on one replica. */
export interface Following<Answer> {
  /**
   * The answer, once there is one; undefined before that. `later` asks to be asked again in another
   * turn: to look for it takes longer than one turn should.
   */
  take(): { readonly answer: Answer } | 'later' | undefined
  /** The answer where nothing came for a while. Not called after `take` has given one. */
  idle(): Answer
  /** Nothing waits for it any more. Called once, after the answer too. */
  end(): void
}

/** The same with other answers. */
export function mapFollowing<From, To>(
  following: Following<From>,
  answerOf: (answer: From) => To,
): Following<To> {
  return {
    take: () => {
      const taken = following.take()
      return taken === undefined || taken === 'later' ? taken : { answer: answerOf(taken.answer) }
    },
    idle: () => answerOf(following.idle()),
    end: () => {
      following.end()
    },
  }
}
