import type { PossibleAction } from '../engine/possible.js'
import { labelOf } from '../picture/label.js'
import { isHeartbeat } from '../picture/picture.js'
import { Invariants } from './invariants.js'
import type { Lab } from './lab.js'

/** What a word means that a newcomer may not know. */
const HINTS: Readonly<Record<string, string>> = {
  crash: 'The power fails: what is not durable yet is lost',
  kill: 'The process ends: what it has written stays, what is only in its memory is lost',
  pause: 'It stands still, and what is sent to it waits',
  timer: 'Its next timer fires now',
  read: 'A client reads here: the answer must hold all that was executed before',
  'disk stuck': 'Nothing becomes durable until the disk is well again',
  sync: 'What it has written becomes durable now',
  trim: 'It has a snapshot of what it executed, and drops those slots',
  transfer: 'Somebody asks for this server to lead',
  campaign: 'It runs phase 1 for all slots at once, without asking first whether the leader is missed',
  join: 'It gets a snapshot, and learns who is a member',
  promote: 'It has a vote from then on',
  hold: 'It is under way until it is released: a message that is late',
  duplicate: 'It arrives, and stays under way to arrive once more',
  'let all arrive': 'Delivers what is under way, and what is sent because of it, until nothing is left',
}

function titleOf({ command, name, why }: PossibleAction): string {
  const hint = HINTS[name]
  return why ?? (hint === undefined ? command : `${hint} (${command})`)
}

/**
 * What one can do: to the message that was clicked, to each server, to the links, and on behalf of
 * clients.
 */
export function Actions({ lab }: { readonly lab: Lab }) {
  const { clients, cluster, links, messages, servers } = lab.possible.value
  const clicked = messages.find(({ message }) => message === lab.message.value)
  const clickedMessage = clicked && lab.picture.value.messages[clicked.message]
  const buttons = (actions: readonly PossibleAction[]) =>
    actions.map((action) => (
      <button
        key={action.command}
        disabled={action.why !== undefined}
        title={titleOf(action)}
        onClick={() => lab.perform(action.command)}
      >
        {action.name}
      </button>
    ))
  return (
    <>
      {clicked !== undefined && clickedMessage !== undefined && (
        <section aria-label="Message">
          <h2>
            {clickedMessage.from.toUpperCase()} → {clickedMessage.to.toUpperCase()}: {labelOf(clickedMessage)}
          </h2>
          <div class="row">{buttons(clicked.actions)}</div>
          {clicked.actions.map(
            ({ name, why }) =>
              why !== undefined && (
                <p key={name} class="note">
                  {why}
                </p>
              ),
          )}
        </section>
      )}
      <section aria-label="Under way">
        <h2>Under way</h2>
        {messages.length === 0 && <p class="note">No message is under way.</p>}
        <ul class="under-way">
          {messages.map(({ actions, held, message }) => {
            const shown = lab.picture.value.messages[message]
            if (shown !== undefined && isHeartbeat(shown.type) && !lab.heartbeats.value) return null
            const [first] = actions
            if (shown === undefined || first === undefined) return null
            return (
              <li key={message}>
                <button
                  title={first.why ?? first.command}
                  disabled={first.why !== undefined}
                  onClick={() => lab.perform(first.command)}
                >
                  {first.name}
                </button>
                <button
                  class="link"
                  onClick={() => {
                    lab.message.value = message
                  }}
                >
                  {shown.from} → {shown.to} {labelOf(shown)}
                  {held ? ' (held)' : ''}
                </button>
              </li>
            )
          })}
        </ul>
        <div class="row">{buttons(cluster)}</div>
      </section>
      <Invariants lab={lab} />
      <section aria-label="Clients">
        <h2>Clients</h2>
        {clients.map(({ actions, client }) => (
          <div key={client} class="row">
            <strong>{client.toUpperCase()}</strong> asks
            {buttons(actions)}
          </div>
        ))}
      </section>
      {servers.map(({ actions, server }) => (
        <section key={server} aria-label={`S${server}`}>
          <h2>S{server}</h2>
          <div class="row">{buttons(actions.filter(({ why }) => why === undefined))}</div>
          <details>
            <summary>What cannot be done now</summary>
            {actions.map(
              ({ name, why }) => why !== undefined && <p key={name} class="note">{`${name}: ${why}`}</p>,
            )}
          </details>
        </section>
      ))}
      <section aria-label="Links">
        <h2>Links</h2>
        <div class="row">
          {links.map(({ actions, cut, from, to }) => {
            const [first] = actions
            return (
              <button
                key={`${from} ${to}`}
                aria-pressed={cut}
                disabled={first?.why !== undefined}
                title={first?.why ?? first?.command}
                onClick={() => {
                  if (first !== undefined) lab.perform(first.command)
                }}
              >
                {cut ? '✕ ' : ''}S{from} → S{to}
              </button>
            )
          })}
        </div>
      </section>
    </>
  )
}
