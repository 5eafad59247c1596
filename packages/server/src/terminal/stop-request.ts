import { isatty } from 'node:tty'

/** By default they end the process, or open a debugger to every user of this machine. */
const WITHOUT_MEANING = ['SIGUSR1', 'SIGUSR2'] as const

/**
 * Resolves when this process is asked to stop: by SIGINT, SIGTERM, the end of its terminal, or the
 * end of the process that started it with an IPC channel. Later signals end it as they do by
 * default. Other signals that would end it are ignored, and `onIgnored` is called.
 */
export function stopRequest(onIgnored: (signal: NodeJS.Signals) => void = () => undefined): Promise<void> {
  const stopping = writesToTerminal()
    ? (['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    : (['SIGINT', 'SIGTERM'] as const)
  const ignored = writesToTerminal() ? WITHOUT_MEANING : [...WITHOUT_MEANING, 'SIGHUP' as const]
  for (const signal of ignored) process.on(signal, onIgnored)
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of stopping) process.off(signal, stop)
      resolve()
    }
    for (const signal of stopping) process.on(signal, stop)
    if (process.connected) process.once('disconnect', stop)
  })
}

/**
 * Whether SIGHUP means the end of the terminal of this process. nohup redirects both streams; that
 * it ignores SIGHUP cannot be seen here, since Node resets all signals when it starts.
 */
function writesToTerminal(): boolean {
  return isatty(1) || isatty(2)
}
