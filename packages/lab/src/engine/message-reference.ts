import type { Transit } from 'synod-testing/script'

/**
 * The words of a script that mean this message alone, of those in the list, as `s1>s2 accept #2`.
 */
export function messageReference(all: readonly Transit[], transit: Transit): string {
  const { from, to, message } = transit
  const alike = all.filter((it) => it.from === from && it.to === to && it.message.type === message.type)
  const place = alike.indexOf(transit)
  if (place < 0) throw new Error('this message is not in the list')
  return `s${from}>s${to} ${message.type} #${place + 1}`
}
