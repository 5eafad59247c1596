import { testSeeds } from './seeds.js'

testSeeds('leader')
