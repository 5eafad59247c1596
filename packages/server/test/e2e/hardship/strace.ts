import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Why running processes cannot be traced here; undefined if they can. */
export async function whyNoStrace(): Promise<string | undefined> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' })
  try {
    await using _ = await injectFault(child.pid ?? 0, 'fdatasync:error=EIO')
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    child.kill('SIGKILL')
  }
}

/**
 * Has system calls of a running process fail or take long, all its threads', until this is disposed
 * of: see `inject` in strace(1).
 */
export async function injectFault(pid: number, fault: string): Promise<AsyncDisposable> {
  const [call = ''] = fault.split(':')
  const args = ['-f', '-p', String(pid), '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${fault}`]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(strace, 'close')
  let said = ''
  const attached = new Promise<void>((resolve) => {
    strace.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes(' attached')) resolve()
    })
  })
  await Promise.race([
    attached,
    ended.then(() => {
      throw new Error(`strace ended: ${said.trim()}`)
    }),
  ])
  return {
    async [Symbol.asyncDispose]() {
      // It lets go of the process, and of what it delays.
      strace.kill('SIGINT')
      await ended
    },
  }
}
