import { isatty } from 'node:tty'

/** Their default would end the process, or open a debugger to anyone on this machine. */
const WITHOUT_MEANING = ['SIGUSR1', 'SIGUSR2'] as const

/**
 * Resolves when this process is asked to stop: by SIGINT, SIGTERM or the end of its terminal, or, if it was started
 * with an IPC channel, when the process at the other end is gone. After that, these signals end the process as they
 * do by default. Other signals that would end it are ignored, and `onIgnored` is told.
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
 * Whether SIGHUP is the end of a terminal that this process is shown in. nohup redirects both, everywhere. That it
 * has SIGHUP ignored cannot be seen here: Node sets all signals back to their defaults when it starts.
 */
function writesToTerminal(): boolean {
  return isatty(1) || isatty(2)
}
