// What a message gave: the conclusions that rest on it, or, on demand, why there are none.
import { html, useRef, useState } from "../../../vendor/preact.js";
import { get } from "../../api.js";
import { Level, Status } from "../../components/conclusion_row.js";
import { Id, Text, Time } from "../../components/text.js";
import { useLoad } from "../../load.js";
import { href } from "../../router.js";

export function Learned({ path, workspace, message }) {
  const { conclusions } = message;
  if (conclusions === null) return html`<p class="meta">What was learned from it could not be read with this key.</p>`;
  if (!conclusions.length) return html`<${Nothing} path=${path} workspace=${workspace} message=${message} />`;
  return html`
    <ul class="learned" aria-label="Learned from it">${conclusions.map((conclusion) => html`
      <li key=${conclusion.id} class=${conclusion.status === "current" ? "" : "ended"}>
        <a class="statement" href=${href(["w", workspace, "conclusions", conclusion.id])}>
          <${Text} shown=${300} more=${false}>${conclusion.content}<//></a>
        <span class="meta"><${Level} level=${conclusion.level} /> <${Status} conclusion=${conclusion} />
          <${Holders} workspace=${workspace} conclusion=${conclusion} /></span>
      </li>`)}</ul>`;
}

// Named only if somebody else than the one it is about holds it.
function Holders({ workspace, conclusion: { observers, observed_id: observed } }) {
  if (observers.length === 1 && observers[0].peer === observed) return null;
  return html`<span>held by ${observers.map(({ id, peer }, index) => html`
    ${index > 0 && ", "}<a key=${id} href=${href(["w", workspace, "conclusions", id])}><${Id}>${peer}<//></a>`)}</span>`;
}

const STATUS = {
  derived: "Learned from", waiting: "Waiting", failed: "Failed", nothing_found: "Nothing found",
  not_observed: "Not observed", disabled: "Switched off",
};

function Nothing({ path, workspace, message }) {
  const [asked, setAsked] = useState(false);
  const box = useRef(null);
  const ask = () => {
    box.current.focus(); // the button goes away
    setAsked(true);
  };
  return html`
    <div class="nothing" aria-live="polite" tabindex="-1" ref=${box}>
      ${asked ? html`<${Why} path=${path} workspace=${workspace} message=${message} />` : html`
        <p class="meta">Nothing was learned from it. <button type="button" class="link" onClick=${ask}>Why?</button></p>`}
    </div>`;
}

function Why({ path, workspace, message }) {
  const { value, error, reload } = useLoad((signal) => get([...path, "messages", message.id, "conclusions"], {}, signal), [message.id]);
  if (error) return html`<p class="problem">${error.message} <button type="button" class="link" onClick=${reload}>Try again</button></p>`;
  if (!value) return html`<p class="meta">Looking for the reason…</p>`;
  const { status, reason, job, observers } = value;
  return html`
    <p><strong>${STATUS[status] ?? status}.</strong> ${reason}</p>
    ${job && html`<p class="meta"><span>job ${job.id}: ${job.state}, due <${Time} at=${job.due_at} exact /></span>
      ${job.attempts > 0 && html`<span>${job.attempts} attempts</span>`}
      ${job.error && html`<span class="problem"><${Text} shown=${300}>${job.error}<//></span>`}
      <a href=${href(["w", workspace, "queue"])}>See the queue</a></p>`}
    ${observers?.length > 0 && html`<p class="meta">Who learns from it: ${observers.map((peer, index) => html`
      <span key=${peer}>${index > 0 && ", "}<${Id}>${peer}<//></span>`)}</p>`}`;
}
