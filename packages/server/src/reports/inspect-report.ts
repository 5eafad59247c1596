import {
  type GroupInspection,
  type JournalInspection,
  type RecordSummary,
  type SegmentInspection,
  formatBallot,
} from 'synod'
import { plural } from '../terminal/output.js'

/** The content of a journal as text. With `records`, every group and record has a line. */
export function inspectionReport(inspection: JournalInspection, records: boolean): string {
  const { directory, segments } = inspection
  const lines = [`directory  ${directory}`, ...identityLines(inspection), ...findingLines(inspection)]
  for (const segment of segments) {
    lines.push('', ...segmentLines(segment))
    if (records) lines.push(...segment.groups.flatMap(groupLines))
  }
  return lines.join('\n')
}

/** A segment with numbers in place of its groups and records. */
export function summariseSegment({ groups, header, name, sizeBytes }: SegmentInspection) {
  const records = { promise: 0, vote: 0, chosen: 0, decided: 0, trim: 0, 'group-counts': 0 }
  for (const group of groups) {
    for (const { type } of group.records ?? []) records[type]++
  }
  const sequences = { first: groups[0]?.sequence ?? null, last: groups.at(-1)?.sequence ?? null }
  return { name, sizeBytes, header, groups: { count: groups.length, ...sequences }, records }
}

function identityLines({ identity }: JournalInspection): string[] {
  if (identity === null) return ['identity   none that is whole']
  const { acceptor, addresses, cluster, clusterId, parameters, peers, server } = identity
  const formed =
    peers === null
      ? 'not yet'
      : `with ${Object.entries(peers)
          .map(([id, peer]) => `s${id} ${peer}`)
          .join(', ')}`
  return [
    `identity   s${server} of cluster '${cluster}', in ${parameters.mode} mode, acceptor ${acceptor}`,
    `cluster    ${clusterId === null ? 'no id yet' : `id ${clusterId}`}`,
    `formed     ${formed}`,
    `addresses  ${
      Object.entries(addresses)
        .map(([id, address]) => `s${id} ${address}`)
        .join(', ') || 'none'
    }`,
  ]
}

function findingLines({ finding }: JournalInspection): string[] {
  const { file, message, offset, outcome } = finding
  const where = file === null ? '' : ` (${file}, byte ${offset})`
  const meanings = {
    start: 'the server can start on it',
    cut: 'the server can start on it, and first removes what was never acknowledged',
    refuse: 'the server would not vote: something that it acknowledged is gone or in doubt',
  }
  const meaning =
    finding.case === 'unsupported-version'
      ? 'the server would not start: use the version of Synod that wrote it, or found a new cluster on empty directories'
      : meanings[outcome]
  return [`finding    ${finding.case}: ${message}${where}`, `           ${meaning}`]
}

function segmentLines(segment: SegmentInspection): string[] {
  const { groups, header, name, records, sizeBytes } = summariseSegment(segment)
  const counts = Object.entries(records).map(([type, count]) => `${count} ${type}`)
  const sequences = groups.count === 0 ? '' : `, ${groups.first} to ${groups.last}`
  return [
    `segment    ${name}, ${plural(sizeBytes, 'byte')}${header === null ? ', its header is not readable' : ''}`,
    `           ${plural(groups.count, 'group')}${sequences}`,
    `           records: ${counts.join(', ')}`,
  ]
}

function groupLines({ offset, records, sequence, sizeBytes }: GroupInspection): string[] {
  const head = `  group ${sequence} at byte ${offset}, ${plural(sizeBytes, 'byte')}`
  if (records === null) return [`${head}: not understood`]
  return [head, ...records.map((record) => `    ${recordText(record)}`)]
}

function recordText(record: RecordSummary): string {
  switch (record.type) {
    case 'promise':
      return `promise ${formatBallot(record.ballot)} for ${record.scope === 'log' ? 'every slot' : slots(record.slot, record.slot)}`
    case 'vote':
      return `vote at ${formatBallot(record.ballot)} in ${slots(record.first, record.last)}: ${sizes(record.sizes)}`
    case 'chosen':
      return `chosen ${slots(record.first, record.last)}`
    case 'decided':
      return `decided ${slots(record.first, record.last)}: ${sizes(record.sizes)}`
    case 'trim':
      return `trim up to slot ${record.slot}: promised ${formatBallot(record.promised)}, voted ${formatBallot(record.voted)}`
    case 'group-counts':
      return record.heard
        .map(({ acceptor, groupCount }) => `acceptor ${acceptor} has ${plural(groupCount, 'group')}`)
        .join(', ')
  }
}

function slots(first: number, last: number): string {
  return first === last ? `slot ${first}` : `slots ${first} to ${last}`
}

function sizes(bytes: readonly number[]): string {
  return bytes.map((size) => (size === 0 ? 'no-op' : plural(size, 'byte'))).join(', ')
}
