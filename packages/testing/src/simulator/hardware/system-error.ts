const WORDS = {
  EBADF: 'bad file descriptor',
  EEXIST: 'file already exists',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENXIO: 'no such device or address',
} as const

/** An error as node:fs gives it. */
export function systemError(
  code: keyof typeof WORDS,
  systemCall: string,
  path?: string,
): NodeJS.ErrnoException {
  const where = path === undefined ? '' : ` '${path}'`
  return Object.assign(new Error(`${code}: ${WORDS[code]}, ${systemCall}${where}`), {
    code,
    syscall: systemCall,
    ...(path !== undefined && { path }),
  })
}
