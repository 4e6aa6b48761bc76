// Dialogs of the browser: <dialog> keeps the focus inside and closes with Escape.
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { useAction } from "../load.js";

export function Dialog({ title, close, children }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`
    <dialog ref=${dialog} onClose=${close} aria-labelledby="dialog-title">
      <h2 id="dialog-title">${title}</h2>
      ${children}
    </dialog>`;
}

// A question before something is done. With `word`, it must be typed first. `act` may throw; its error is shown.
export function Confirm({ title, verb, word, act, close, danger = true, children }) {
  const [typed, setTyped] = useState("");
  const action = useAction(async () => {
    await act();
    close();
  });
  const submit = (event) => {
    event.preventDefault();
    action.run();
  };
  return html`
    <${Dialog} title=${title} close=${close}>
      <form onSubmit=${submit}>
        ${children}
        ${word && html`<label><span>Type <strong><bdi>${word}</bdi></strong> to confirm</span>
          <input value=${typed} onInput=${(event) => setTyped(event.target.value)} autocomplete="off" spellcheck="false" />
        </label>`}
        ${action.error && html`<p class="problem" role="alert">${action.error.message}</p>`}
        <div class="row end">
          <button type="button" onClick=${close}>Cancel</button>
          <button class=${danger ? "danger" : "primary"} disabled=${action.busy || (word && typed !== word)}>
            ${action.busy ? "Working…" : verb}
          </button>
        </div>
      </form>
    <//>`;
}
