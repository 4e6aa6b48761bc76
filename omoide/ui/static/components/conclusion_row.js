// A conclusion in a list: what it says, of whom, how it was found, whether it still holds.
import { html } from "../../vendor/preact.js";
import { href } from "../router.js";
import { Id, Text, Time } from "./text.js";

export const LEVELS = {
  explicit: "said",
  deductive: "follows from what was said",
  inductive: "a pattern over several sessions",
  contradiction: "statements that cannot both hold",
};

export const Level = ({ level }) => html`<span class=${`badge level-${level}`} title=${LEVELS[level]}>${level}</span>`;

export const Status = ({ conclusion: { status = "current", superseded_by: by } }) => status === "current" ? null
  : html`<span class=${`badge status-${status}`} title=${by ? "Another conclusion took its place" : null}>${status}</span>`;

// `text`: another view of what it says, such as one with marked words.
export function ConclusionRow({ workspace, conclusion, text, children }) {
  const { id, content, level, observer_id: observer, observed_id: observed, times_derived: times } = conclusion;
  const current = (conclusion.status ?? "current") === "current";
  return html`
    <article class=${`conclusion ${current ? "" : "ended"}`}>
      <a class="statement" href=${href(["w", workspace, "conclusions", id])}>
        ${text || html`<${Text} shown=${300} more=${false}>${content}<//>`}</a>
      <p class="meta">
        <${Level} level=${level} /> <${Status} conclusion=${conclusion} />
        <span>about <${Id}>${observed}<//>${observer !== observed && html`, held by <${Id}>${observer}<//>`}</span>
        ${times > 1 && html`<span>${times} times</span>`}
        <span><${Time} at=${conclusion.said_at ?? conclusion.created_at} /></span>
        ${conclusion.ended_at && html`<span>until <${Time} at=${conclusion.valid_until ?? conclusion.ended_at} /></span>`}
      </p>
      ${children}
    </article>`;
}
