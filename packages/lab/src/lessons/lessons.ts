import { type Lesson, parseLesson } from './lesson.js'

const scripts = import.meta.glob<string>('./scripts/*.txt', { query: '?raw', import: 'default', eager: true })

/** All lessons, in order. */
export const LESSONS: readonly Lesson[] = Object.entries(scripts)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([path, script]) => parseLesson(/\d+-(.*)\.txt$/.exec(path)?.[1] ?? path, script))
