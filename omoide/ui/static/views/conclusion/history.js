// The versions of a conclusion, newest first, and what happened to each.
import { html } from "../../../vendor/preact.js";
import { Status } from "../../components/conclusion_row.js";
import { Text, Time } from "../../components/text.js";
import { href } from "../../router.js";

const EVENTS = {
  stated: "stated", said_again: "said again", derived: "derived from other conclusions",
  superseded: "took the place of another, which ceased to hold", corrected: "corrected another, which was never true",
  merged: "took in another that says the same",
};

export const History = ({ workspace, id, history: { versions, truncated } }) => html`
  <ol class="history">${versions.map((version) => html`
    <li key=${version.conclusion.id} aria-current=${version.conclusion.id === id ? "true" : null}>
      <${Version} ...${{ workspace, version }} shown=${version.conclusion.id === id} /></li>`)}</ol>
  ${truncated && html`<p class="muted">There are more versions, further away from this one.</p>`}`;

const nameOf = ({ kind, message_ids: messages }) => kind === "stated" && !messages.length
  ? "written through the API" : EVENTS[kind] ?? kind;

const Version = ({ workspace, version: { conclusion, events }, shown }) => html`
  <p>${shown ? html`<strong><${Text} shown=${300}>${conclusion.content}<//></strong> <span class="muted">(this one)</span>`
    : html`<a href=${href(["w", workspace, "conclusions", conclusion.id])}><${Text}
        shown=${300} more=${false}>${conclusion.content}<//></a>`} <${Status} conclusion=${conclusion} /></p>
  <ul class="events">${events.map((event, index) => html`
    <li key=${index}><span class="meta"><${Time} at=${event.at} exact /> ${nameOf(event)}</span>
      ${event.reason && html`<span>: <${Text} shown=${500}>${event.reason}<//></span>`}</li>`)}</ul>`;
