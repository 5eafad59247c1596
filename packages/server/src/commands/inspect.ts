import type { Command } from 'commander'
import { type JournalInspection, inspectJournal } from 'synod'
import { finish } from '../terminal/common-options.js'
import { inspectionReport, summariseSegment } from '../reports/inspect-report.js'
import { type OutputOptions, print } from '../terminal/output.js'

interface InspectOptions extends OutputOptions {
  readonly records?: boolean
}

/** Adds `synod inspect`. */
export function addInspect(program: Command): void {
  const inspect = program
    .command('inspect')
    .description(
      'Show the content of the journal in a data directory, and what a server that starts on it would find. ' +
        'It changes nothing; the directory may be in use, or damaged.',
    )
    .argument('<dir>', 'the data directory of one replica')
    .option('--records', 'list every group and every record')
    .action(run)
  finish(inspect, [
    'inspect .synod/demo/s1',
    'inspect .synod/demo/s1 --records',
    'inspect .synod/demo/s1 --json',
  ])
}

async function run(directory: string, options: InspectOptions): Promise<void> {
  const { records = false } = options
  const inspection = await inspectJournal(directory)
  print(options, inspectionReport(inspection, records), records ? inspection : summaryDocument(inspection))
}

function summaryDocument(inspection: JournalInspection): object {
  return { ...inspection, segments: inspection.segments.map(summariseSegment) }
}
