import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { METRICS, type MetricName, type ReplicaMetrics } from 'synod'
import { prometheusText } from '../../src/metrics/prometheus.js'

const histogram = { bounds: [0.1, 1], counts: [2, 3, 1], sum: 4.5, count: 6 }
const names = Object.keys(METRICS) as MetricName[]
const metrics = Object.fromEntries(
  names.map((name, index) => [name, METRICS[name].type === 'histogram' ? histogram : index]),
) as unknown as ReplicaMetrics

const text = prometheusText(metrics, { cluster: 'a "b"\\\n', server: 's1' })

test('every metric has its help and type once, before its samples', () => {
  for (const name of names) {
    const { help, type } = METRICS[name]
    const head = `# HELP synod_${name} ${help}\n# TYPE synod_${name} ${type}\nsynod_${name}`
    expect(text.split(head)).toHaveLength(2)
  }
  expect(text.endsWith('\n')).toBe(true)
})

test('labels are escaped, and every line is a sample or a comment', () => {
  const sample = /^synod_[a-z_]+\{cluster="a \\"b\\"\\\\\\n",server="s1"(,le="[^"]+")?\} [\d.]+$/
  for (const line of text.trimEnd().split('\n')) if (!line.startsWith('# ')) expect(line).toMatch(sample)
})

test('the buckets of a histogram are cumulative, and the last one has every value', () => {
  const lines = text.split('\n').filter((line) => line.startsWith('synod_fsync_seconds'))
  expect(lines.map((line) => line.replace(/cluster=.*?,server="s1"/, ''))).toEqual([
    'synod_fsync_seconds_bucket{,le="0.1"} 2',
    'synod_fsync_seconds_bucket{,le="1"} 5',
    'synod_fsync_seconds_bucket{,le="+Inf"} 6',
    'synod_fsync_seconds_sum{} 4.5',
    'synod_fsync_seconds_count{} 6',
  ])
})

test('docs/reference/metrics.md describes exactly the metrics of the code', async () => {
  const page = await readFile(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8')
  const lines = page.replaceAll(/\n {2}/g, ' ').matchAll(/^- `(\w+)` \((\w+)\): (.*)$/gm)
  const rows = [...lines].map(([, name, type, help]) => [name, type, help])
  expect(rows).toEqual(names.map((name) => [name, METRICS[name].type, METRICS[name].help]))
})
