import { type HistogramData, METRICS, type MetricName, type ReplicaMetrics } from 'synod'

const PREFIX = 'synod_'

/** Metrics in Prometheus' text format, version 0.0.4. */
export function prometheusText(metrics: ReplicaMetrics, labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(METRICS) as MetricName[]
  return names.flatMap((name) => familyLines(name, metrics[name], labels)).join('\n') + '\n'
}

function familyLines(
  name: MetricName,
  value: number | HistogramData,
  labels: Readonly<Record<string, string>>,
): string[] {
  const { help, type } = METRICS[name]
  const full = PREFIX + name
  const head = [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`]
  if (typeof value === 'number') return [...head, `${full}${labelText(labels)} ${value}`]
  let below = 0
  const buckets = value.counts.map((count, index) => {
    below += count
    const le = value.bounds[index] === undefined ? '+Inf' : String(value.bounds[index])
    return `${full}_bucket${labelText({ ...labels, le })} ${below}`
  })
  const rest = labelText(labels)
  return [...head, ...buckets, `${full}_sum${rest} ${value.sum}`, `${full}_count${rest} ${value.count}`]
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}
