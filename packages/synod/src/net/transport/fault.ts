import { MalformedError } from '../../bytes/reader.js'
import { SynodError } from '../../errors.js'

/** What is wrong with the bytes received; any other error is a mistake in this program. */
export function asFault(error: unknown): SynodError {
  if (error instanceof SynodError) return error
  if (error instanceof MalformedError) {
    return new SynodError('wrong-protocol', `malformed message: ${error.message}`, { cause: error })
  }
  throw error
}
