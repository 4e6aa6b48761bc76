// Put a conclusion right: correct what was never true, or forget it with what follows from it.
import { html, useState } from "../../../vendor/preact.js";
import { patch, remove } from "../../api.js";
import { Confirm, Dialog } from "../../components/dialog.js";
import { Text } from "../../components/text.js";
import { useAction } from "../../load.js";
import { go } from "../../router.js";

export function Actions({ workspace, conclusion }) {
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const path = ["v3", "workspaces", workspace, "conclusions", conclusion.id];
  const forget = async () => {
    await remove(path);
    const { observer_id: observer, observed_id: observed } = conclusion;
    go(["w", workspace, "peers", observed],
      { tab: "conclusions", observer: observer === observed ? null : observer });
  };
  return html`
    <div class="row actions">
      ${(conclusion.status ?? "current") === "current" && html`
        <button type="button" onClick=${() => setOpen("correct")}>Correct…</button>`}
      <button type="button" onClick=${() => setOpen("forget")}>Forget…</button>
    </div>
    ${open === "correct" && html`<${Correct} ...${{ workspace, path, conclusion, close }} />`}
    ${open === "forget" && html`
      <${Confirm} title="Forget this conclusion" verb="Forget it for good" act=${forget} close=${close}>
        <p><q><${Text} shown=${300}>${conclusion.content}<//></q></p>
        <p>It goes with its history, the conclusions derived from it, and the lines of the card that rest on it. The
          messages stay: delete those in their session. It cannot be undone.</p>
      <//>`}`;
}

function Correct({ workspace, path, conclusion, close }) {
  const [content, setContent] = useState(conclusion.content);
  const [reason, setReason] = useState("");
  const action = useAction(async () => {
    const corrected = await patch(path, { content: content.trim(), reason: reason.trim() || null });
    close();
    go(["w", workspace, "conclusions", corrected.id]);
  });
  const submit = (event) => {
    event.preventDefault();
    action.run();
  };
  const same = !content.trim() || content.trim() === conclusion.content;
  return html`
    <${Dialog} title="Correct this conclusion" close=${close}>
      <form onSubmit=${submit}>
        <p class="muted">For what was never true. The old statement is kept in the history as invalid, and what was
          derived from it is derived again. If it was true once, say what is new in a message instead.</p>
        <label>What is true instead
          <textarea value=${content} dir="auto" maxlength="65535" required
            onInput=${(event) => setContent(event.target.value)} /></label>
        <label>Why (the history shows it)
          <input value=${reason} dir="auto" maxlength="2000" onInput=${(event) => setReason(event.target.value)} /></label>
        ${action.error && html`<p class="problem" role="alert">${action.error.message}</p>`}
        <div class="row end"><button type="button" onClick=${close}>Cancel</button>
          <button class="primary" disabled=${action.busy || same}>${action.busy ? "Correcting…" : "Correct it"}</button>
        </div>
      </form>
    <//>`;
}
