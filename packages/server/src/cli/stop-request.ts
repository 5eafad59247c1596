const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Resolves when this process is asked to stop: by a signal, or, if it was started with an IPC channel, when the
 * process at the other end is gone. After that, signals end the process as they do by default.
 */
export function stopRequest(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of SIGNALS) process.off(signal, stop)
      resolve()
    }
    for (const signal of SIGNALS) process.on(signal, stop)
    if (process.connected) process.once('disconnect', stop)
  })
}
