// Preloaded into a server by `node --import`: after SIGUSR2, and until the next one, it gives each
// request a slot of its own, so that many slots go by in a short time.
import { CommandService } from 'synod/internal/replica/command-service.js'

const shipped: CommandService['takeProposals'] = Reflect.get(CommandService.prototype, 'takeProposals')
let isOn = false
process.on('SIGUSR2', () => {
  isOn = !isOn
})

CommandService.prototype.takeProposals = function (most, mostBytes) {
  if (!isOn) return shipped.call(this, most, mostBytes)
  const first = shipped.call(this, 1, mostBytes)
  if (first?.type !== 'propose') return first
  const proposals = [...first.proposals]
  while (proposals.length < most) {
    const next = shipped.call(this, 1, mostBytes)
    if (next?.type !== 'propose') break
    proposals.push(...next.proposals)
  }
  return { ...first, proposals }
}
