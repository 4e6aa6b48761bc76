// The summaries of a session, and up to which message they reach.
import { html } from "../../../vendor/preact.js";
import { get } from "../../api.js";
import { messageHref } from "../../components/message.js";
import { Empty, Loaded } from "../../components/states.js";
import { CopyButton, Text, Time, number } from "../../components/text.js";
import { useLoad } from "../../load.js";

export function Summaries({ path, workspace, session }) {
  const load = useLoad((signal) => get([...path, "summaries"], {}, signal), [session.id]);
  return html`<${Loaded} load=${load} what="the summaries">${({ short_summary: short, long_summary: long }) => {
    if (!short && !long) {
      return html`<${Empty} title="There is no summary yet.">
        <p>A short one is made once the session has been quiet with at least 8 messages, or at its interval. The interval
          is set in the configuration of the workspace or the session, where summaries can be switched off as well.</p><//>`;
    }
    return html`<${Summary} title="Short summary" summary=${short} ...${{ workspace, session }} />
      <${Summary} title="Long summary" summary=${long} ...${{ workspace, session }} />`;
  }}<//>`;
}

function Summary({ title, summary, workspace, session }) {
  if (!summary) return html`<section class="card"><h2>${title}</h2><p class="muted">None yet.</p></section>`;
  const { content, message_id: last, created_at: at, token_count: tokens } = summary;
  return html`
    <section class="card">
      <h2>${title}</h2>
      <p><${Text} shown=${6_000}>${content}<//></p>
      <p class="meta"><span>made <${Time} at=${at} exact /></span><span>${number(tokens)} tokens</span>
        <a href=${messageHref(workspace, { id: last, session_id: session.id })}>The last message that it covers</a>
        <${CopyButton} text=${content} /></p>
    </section>`;
}
