// The slash keeps it from being taken for Node's own.
import { Buffer } from 'buffer/'

/** In place of Node's, which the core's neighbours read and write bytes with. */
Object.assign(globalThis, { Buffer })
