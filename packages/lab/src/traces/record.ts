import type { PictureRecord } from '../picture/picture.js'
import { type Fields, ballotAt, countAt, valuesAt } from './json.js'

/**
 * A record of a trace, as the picture has it; undefined if it is of a type that is not known.
 * Throws a `FieldError`.
 */
export function recordOf(fields: Fields): PictureRecord | undefined {
  switch (fields.type) {
    case 'promise': {
      const [ballot, slot] = [ballotAt(fields, 'ballot'), countAt(fields, 'slot')]
      return { type: 'promise', ballot, scope: fields.scope === 'log' ? 'log' : 'slot', slot }
    }
    case 'vote': {
      const [ballot, first] = [ballotAt(fields, 'ballot'), countAt(fields, 'first')]
      return { type: 'vote', ballot, first, values: valuesAt(fields, 'values') }
    }
    case 'chosen':
      return { type: 'chosen', first: countAt(fields, 'first'), last: countAt(fields, 'last') }
    case 'decided':
      return { type: 'decided', first: countAt(fields, 'first'), values: valuesAt(fields, 'values') }
    case 'trim':
      return { type: 'trim', slot: countAt(fields, 'slot') }
    default:
      return undefined
  }
}
