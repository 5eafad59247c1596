import * as sound from 'synod-testing/script'

/** What the protocol core gives the page, sound or with a mistake in it. */
export type Core = typeof sound

/** The core that ships. */
export const CORRECT_CORE: Core = sound
