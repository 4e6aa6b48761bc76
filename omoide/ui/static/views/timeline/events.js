// What happened in an interval, newest first, each with a link to where it is shown in full.
import { html, useState } from "../../../vendor/preact.js";
import { get } from "../../api.js";
import { messageHref } from "../../components/message.js";
import { Id, Text, Time } from "../../components/text.js";
import { useAction } from "../../load.js";
import { href } from "../../router.js";

const MORE = 50;
const KINDS = {
  said: "said", learned: "learned", superseded: "superseded", corrected: "corrected", merged: "merged",
};

// `first`: the answer that has the first events.
export function Events({ workspace, path, interval, first }) {
  const [more, setMore] = useState([]);
  const pages = [first, ...more];
  const { next } = pages.at(-1);
  const load = useAction(async () => {
    const page = await get(path, { ...interval, buckets: 0, limit: MORE, before: next });
    setMore((known) => [...known, page]);
  });
  return html`
    <h2>What happened</h2>
    ${!first.events.length && html`<p class="muted">Nothing happened in this time.</p>`}
    <ul class="list" aria-label="Events">${pages.map(({ events }, page) => events.map((event, index) => html`
      <li key=${`${page} ${index}`}><${Event} workspace=${workspace} event=${event} /></li>`))}</ul>
    ${load.error && html`<p class="problem" role="alert">${load.error.message}</p>`}
    ${next && html`<p class="row centred"><button type="button" disabled=${load.busy} onClick=${load.run}>
      ${load.busy ? "Loading…" : "Show earlier ones"}</button></p>`}`;
}

const Event = ({ workspace, event }) => html`
  <p><span class=${`badge event-${event.kind}`}>${KINDS[event.kind]}</span> <${Statement} ...${{ workspace, event }} /></p>
  <p class="meta"><${Time} at=${event.at} exact />
    ${event.session_id && html`<span>in <a href=${href(["w", workspace, "sessions", event.session_id])}><${Id}>${event.session_id}<//></a></span>`}
    ${event.replaced_by && html`<a href=${href(["w", workspace, "conclusions", event.replaced_by])}>What took its place</a>`}</p>`;

function Statement({ workspace, event: { text, message_id: message, conclusion_id: conclusion, session_id: session } }) {
  const target = conclusion ? href(["w", workspace, "conclusions", conclusion])
    : message && session && messageHref(workspace, { id: message, session_id: session });
  return target ? html`<a class="statement" href=${target}><${Text}>${text}<//></a>` : html`<${Text}>${text}<//>`;
}
