import { testSeeds } from './seeds.js'

testSeeds('leaderless')
