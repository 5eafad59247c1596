// Preloaded into a server by `node --import`: a fixed setting takes the place of the shipped rule.
// The query of this module's URL says how many accepts may be under way.
import { Gathering } from 'synod/internal/replica/gathering.js'

const most = Number(new URL(import.meta.url).searchParams.get('flights'))

Gathering.prototype.untilMs = ({ flights }, nowMs) => (flights < most ? nowMs : Infinity)
