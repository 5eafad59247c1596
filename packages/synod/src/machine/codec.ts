/** Turns values of one type into bytes and back. */
export interface Codec<T> {
  encode(value: T): Uint8Array
  /**
   * Throws if the bytes are not an encoded `T`. They may be a view into a SharedArrayBuffer, with
   * much else in it: what is to be kept of them should be a copy.
   */
  decode(bytes: Uint8Array): T
}

/** How the four kinds of values of a state machine travel. What is not given is JSON. */
export interface Codecs<Command, Result, Query, Answer> {
  readonly command: Codec<Command>
  readonly result: Codec<Result>
  readonly query: Codec<Query>
  readonly answer: Codec<Answer>
}

/** Any JSON value, or `undefined` as no bytes at all. */
export function jsonCodec<T>(): Codec<T> {
  return {
    encode(value) {
      const text = JSON.stringify(value) as string | undefined
      return Buffer.from(text ?? '')
    },
    decode(bytes) {
      if (bytes.length === 0) return undefined as T
      return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as T
    },
  }
}

export function completeCodecs<Command, Result, Query, Answer>(
  codecs: Partial<Codecs<Command, Result, Query, Answer>> = {},
): Codecs<Command, Result, Query, Answer> {
  return {
    command: codecs.command ?? jsonCodec(),
    result: codecs.result ?? jsonCodec(),
    query: codecs.query ?? jsonCodec(),
    answer: codecs.answer ?? jsonCodec(),
  }
}
