import { type OpenedTrace, checkTraceSize, openTrace } from '../traces/open-trace.js'
import type { Lab } from './lab.js'

/** Opens files: a trace, those of several live replicas together, or a script. */
export async function openFiles(lab: Lab, files: readonly File[]): Promise<void> {
  try {
    checkTraceSize(files.reduce((sum, { size }) => sum + size, 0))
    openTexts(
      lab,
      await Promise.all(files.map(async (file) => ({ name: file.name, text: await file.text() }))),
    )
  } catch (error) {
    lab.problem.value = (error as Error).message
  }
}

/** Opens what is at an address. */
export async function openUrl(lab: Lab, url: string): Promise<void> {
  try {
    const answer = await fetch(url)
    if (!answer.ok) throw new Error(`${url} cannot be opened: ${answer.status} ${answer.statusText}`)
    checkTraceSize(Number(answer.headers.get('content-length') ?? 0))
    openTexts(lab, [{ name: url.split('/').at(-1) ?? url, text: await answer.text() }])
  } catch (error) {
    lab.problem.value = (error as Error).message
  }
}

/** Opens what is dropped on the page. */
export function openDropped(lab: Lab): void {
  document.addEventListener('dragover', (event) => {
    event.preventDefault()
  })
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    const { files } = event.dataTransfer ?? {}
    if (files !== undefined && files.length > 0) void openFiles(lab, [...files])
  })
}

function openTexts(lab: Lab, texts: readonly { readonly name: string; readonly text: string }[]): void {
  const [first] = texts
  if (first === undefined) return
  // Each line of a trace is a JSON object.
  if (!first.text.trimStart().startsWith('{')) {
    lab.begin(first.text)
    return
  }
  const opened = openTrace(texts)
  const name = texts.map((text) => text.name).join(', ')
  lab.open({ name, note: noteOn(opened), picture: opened.picture })
}

/** What of a trace could not be read. */
function noteOn({ broken, passedOver, problems }: OpenedTrace): string {
  const [first] = problems
  const parts: string[] = []
  if (first !== undefined)
    parts.push(
      `${broken} lines cannot be read, the first in ${first.file}, line ${first.line}: ${first.text}.`,
    )
  if (passedOver > 0) parts.push(`${passedOver} lines are of kinds that are not known here.`)
  return parts.join(' ')
}
