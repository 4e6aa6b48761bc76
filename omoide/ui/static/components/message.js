// A message as it was said: by whom, when, what.
import { html } from "../../vendor/preact.js";
import { href } from "../router.js";
import { Id, Text, Time, number } from "./text.js";

// The address of a message in its session.
export const messageHref = (workspace, { id, session_id: session }) =>
  href(["w", workspace, "sessions", session], { message: id });

// `place`: its number in the session, if known. `showSession`: whether to name the session. `text`: another view of what
// it says, such as one with marked words.
export function MessageView({ workspace, message, place, showSession, text, children }) {
  const { peer_id: peer, session_id: session, created_at: at, token_count: tokens, content } = message;
  return html`
    <article class="message">
      <p class="meta">
        <a class="speaker" href=${href(["w", workspace, "peers", peer])}><${Id}>${peer}<//></a>
        ${showSession && html`<span>in <a href=${href(["w", workspace, "sessions", session])}><${Id}>${session}<//></a></span>`}
        <a href=${messageHref(workspace, message)}><span class="hidden">Message </span>${place !== undefined && `#${number(place)} · `}<${Time} at=${at} exact /></a>
        ${tokens !== undefined && html`<span>${tokens === 1 ? "1 token" : `${number(tokens)} tokens`}</span>`}
      </p>
      <p class="said">${text ?? (content ? html`<${Text}>${content}<//>` : html`<span class="muted">(empty)</span>`)}</p>
      ${children}
    </article>`;
}
