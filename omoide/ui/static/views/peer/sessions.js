// The sessions of which a peer is a member.
import { html } from "../../../vendor/preact.js";
import { post } from "../../api.js";
import { PagedList } from "../../components/paged_list.js";
import { Empty } from "../../components/states.js";
import { Id, Time } from "../../components/text.js";
import { href } from "../../router.js";

export function Sessions({ workspace, observed }) {
  const load = (page, size, signal) => post(["v3", "workspaces", workspace, "peers", observed, "sessions"], {},
    { query: { page, size, reverse: true }, signal });
  return html`
    <${PagedList} label="sessions" load=${load} inputs=${[workspace, observed]} size=${25} estimate=${60}
      row=${(session) => html`
        <a class="statement" href=${href(["w", workspace, "sessions", session.id])}><${Id}>${session.id}<//></a>
        <p class="meta"><span>begun <${Time} at=${session.created_at} /></span>
          ${!session.is_active && html`<span class="badge">not active</span>`}</p>`}
      empty=${html`<${Empty} title="It is a member of no session." />`} />`;
}
