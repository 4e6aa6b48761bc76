// The card: what every prompt about the peer gets. Its lines can be edited one at a time.
import { html, useEffect, useRef, useState } from "../../../vendor/preact.js";
import { get, put } from "../../api.js";
import { Empty, Loaded } from "../../components/states.js";
import { CopyButton, Text } from "../../components/text.js";
import { useAction, useLoad } from "../../load.js";
import { href } from "../../router.js";
import { useServer } from "../../server.js";

const SOURCES = 5; // conclusions behind a line, as links

export function Card({ workspace, observer, observed }) {
  const path = ["v3", "workspaces", workspace, "peers", observer, "card"];
  const target = observer === observed ? null : observed;
  const card = useLoad((signal) => get(path, { target, sources: true }, signal), [workspace, observer, observed]);
  // Applied to the card as it is now: the server may have written to it since it was shown.
  const save = async (edit) => {
    const { peer_card: now } = await get(path, { target });
    await put(path, { peer_card: edit(now ?? []) }, { target });
    card.reload();
  };
  return html`
    <p class="muted">The card is given to prompts whole. The server keeps its own lines up to date; a line that you write
      or change is yours, and is replaced only when the opposite or another value is said.</p>
    <${Loaded} load=${card} what="the card">${({ lines }) => html`
      <${Lines} workspace=${workspace} known=${lines} save=${save} />`}<//>`;
}

const without = (line) => (lines) => {
  const index = lines.indexOf(line);
  if (index < 0) throw new Error("The server has changed this line meanwhile. Load the page again to see it.");
  return lines.toSpliced(index, 1);
};

const replaced = (line, by) => (lines) => without(line)(lines) && lines.with(lines.indexOf(line), by);

function Lines({ workspace, known, save }) {
  const { ui_writes: writes } = useServer();
  const lines = known.map(({ line }) => line);
  const [edited, setEdited] = useState(null); // the index of a line; lines.length: a new one
  const removal = useAction(save);
  const list = useRef(null);
  const close = () => {
    setEdited(null);
    list.current?.focus();
  };
  return html`
    ${lines.length === 0 && html`<${Empty} title="This card is empty.">
      <p>It fills as lasting things are said: family, home, work, wishes about how to answer.</p><//>`}
    <ul class="card-lines" ref=${list} tabindex="-1" aria-label="Lines of the card">${lines.map((line, index) => html`
      <li key=${`${index} ${line}`}>${index === edited
        ? html`<${LineForm} line=${line} close=${close} save=${(text) => save(replaced(line, text))} />`
        : html`<span><${Text}>${line}<//> <${Origin} ...${{ workspace, ...known[index] }} number=${index + 1} /></span>
          ${writes && html`<span class="row tools">
            <button type="button" onClick=${() => setEdited(index)}>Edit<span class="hidden"> line ${index + 1}</span></button>
            <button type="button" disabled=${removal.busy} onClick=${() => removal.run(without(line))}>Remove<span
              class="hidden"> line ${index + 1}</span></button></span>`}`}</li>`)}
      ${edited === lines.length && html`<li key="new">
        <${LineForm} line="" close=${close} save=${(text) => save((now) => [...now, text])} /></li>`}
    </ul>
    ${removal.error && html`<p class="problem" role="alert">${removal.error.message}</p>`}
    <div class="row">
      ${writes && edited === null && html`
        <button type="button" onClick=${() => setEdited(lines.length)}>Add a line</button>`}
      ${lines.length > 0 && html`<${CopyButton} text=${lines.join("\n")} label="Copy the card" />`}
    </div>`;
}

// Who wrote a line, and the conclusions that state it.
const Origin = ({ workspace, given, conclusion_ids: sources, number }) => html`
  <span class="meta reasons">${given && html`<span class="badge" title="Somebody wrote it, through the API or here">written</span>`}
    ${sources.slice(0, SOURCES).map((id, index) => html`
      <a key=${id} href=${href(["w", workspace, "conclusions", id])}
        aria-label=${`Why line ${number}${index ? `, reason ${index + 1}` : ""}`}>${index ? index + 1 : "Why"}</a>`)}</span>`;

function LineForm({ line, save, close }) {
  const [text, setText] = useState(line);
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  const action = useAction(async () => {
    await save(text.trim());
    close();
  });
  const submit = (event) => {
    event.preventDefault();
    action.run();
  };
  return html`
    <form class="row" onSubmit=${submit} onKeyDown=${(event) => event.key === "Escape" && close()}>
      <label>Line<input ref=${field} value=${text} dir="auto" onInput=${(event) => setText(event.target.value)} /></label>
      <button class="primary" disabled=${action.busy || !text.trim()}>${action.busy ? "Saving…" : "Save"}</button>
      <button type="button" onClick=${close}>Cancel</button>
      ${action.error && html`<p class="problem" role="alert">${action.error.message}</p>`}
    </form>`;
}
