import { useRef } from 'preact/hooks'
import { fileName } from '../share/file.js'
import { decodeLink, encodeLink } from '../share/link.js'
import { openFiles, openUrl } from './open-files.js'
import type { Lab } from './lab.js'
import { pictureFile } from './picture-file.js'

/**
 * Gives away what was clicked together, as a link, a golden script or a picture; and opens what
 * others gave away.
 */
export function Share({ lab }: { readonly lab: Lab }) {
  const input = useRef<HTMLInputElement>(null)
  const link = async () => {
    const fragment = await encodeLink(lab.script())
    location.hash = fragment
    await navigator.clipboard.writeText(location.href).catch(() => undefined)
  }
  const title = lab.reading.value?.lesson.name ?? 'session'
  return (
    <>
      <button title="A link that carries all commands" onClick={() => void link()}>
        Link
      </button>
      <button
        title="A golden script: a test of the library"
        onClick={() => {
          download(fileName('script', title), 'text/plain', lab.script())
        }}
      >
        Script
      </button>
      <button
        title="The whole diagram"
        onClick={() => {
          download(fileName('picture', title), 'image/svg+xml', pictureFile(lab.layout.value))
        }}
      >
        SVG
      </button>
      <button title="A trace (NDJSON), or a script" onClick={() => input.current?.click()}>
        Open…
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".ndjson,.txt,.jsonl"
        aria-label="File to open"
        onChange={({ currentTarget }) => {
          void openFiles(lab, [...(currentTarget.files ?? [])])
          currentTarget.value = ''
        }}
      />
    </>
  )
}

function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const anchor = document.createElement('a')
  anchor.href = url
  anchor.download = name
  anchor.click()
  URL.revokeObjectURL(url)
}

/**
 * Opens what the address carries, if it carries something: `?open=` the address of a trace or a
 * script, or a session behind the #.
 */
export async function openAddress(lab: Lab): Promise<void> {
  const url = new URLSearchParams(location.search).get('open')
  if (url !== null) {
    await openUrl(lab, url)
    return
  }
  const fragment = location.hash.slice(1)
  if (fragment === '') return
  try {
    lab.begin(await decodeLink(fragment))
  } catch (error) {
    lab.problem.value = (error as Error).message
  }
}
