export { Chance } from './chance.js'
