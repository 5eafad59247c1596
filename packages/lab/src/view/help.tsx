import { useLayoutEffect, useRef } from 'preact/hooks'
import { KEYS } from './keys.js'

/** The sheet of keys, and what the shapes of the diagram mean. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    dialog.current?.showModal()
  }, [])
  return (
    <dialog ref={dialog} onClose={onClose} aria-label="Help">
      <h2>Keys</h2>
      <dl>
        {KEYS.map(({ key, does }) => (
          <>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <h2>The diagram</h2>
      <p>
        Each column is a client or a server, and time runs down. An arrow is a message, from the moment it
        leaves to the moment it arrives; one that ends in a cross got lost, and a thick one is still under
        way. Click an arrow under way to decide what becomes of it, and anything else to see all of it, and
        its server before and after. Point at something to see all that led to it and all that follows from
        it.
      </p>
      <dl>
        <dt>▬ filled, ▭ empty</dt>
        <dd>written to disk and durable; written, and not durable yet</dd>
        <dt>○</dt>
        <dd>a timer fired</dd>
        <dt>●, ▶</dt>
        <dd>it knows a value to be chosen, or plays another role; it executed a slot</dd>
        <dt>✕, ▲, ‖</dt>
        <dd>crashed, started again, paused</dd>
        <dt>long dashes</dt>
        <dd>phase 1: prepare (1a) and promise (1b)</dd>
        <dt>whole lines</dt>
        <dd>phase 2: accept (2a) and accepted (2b), and clients</dd>
        <dt>dots</dt>
        <dd>what is chosen is told; dashes and dots: a refusal</dd>
      </dl>
      <form method="dialog">
        <button class="primary">Close</button>
      </form>
    </dialog>
  )
}
