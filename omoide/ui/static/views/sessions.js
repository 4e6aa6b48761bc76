// The sessions of a workspace, with what was said last in each.
import { html } from "../../vendor/preact.js";
import { post } from "../api.js";
import { SearchField } from "../components/fields.js";
import { PagedList } from "../components/paged_list.js";
import { Empty } from "../components/states.js";
import { Id, Time, number } from "../components/text.js";
import { useLoad } from "../load.js";
import { href, replaceQuery } from "../router.js";

const EXCERPT = 160; // characters

export default function Sessions({ workspace, query }) {
  const path = ["v3", "workspaces", workspace, "sessions"];
  const { q: searched, order } = query;
  const oldest = order === "oldest";
  const load = (page, size, signal) => post([...path, "list"],
    searched ? { filters: { id: { icontains: searched } } } : {}, { query: { page, size, reverse: !oldest }, signal });
  return html`
    <h1>Sessions of <${Id}>${workspace}<//></h1>
    <div class="row filters">
      <${SearchField} query=${query} label="Id contains" />
      <label>Order
        <select value=${oldest ? "oldest" : "newest"}
          onChange=${(event) => replaceQuery({ order: event.target.value === "oldest" ? "oldest" : null })}>
          <option value="newest">Newest first</option><option value="oldest">Oldest first</option>
        </select></label>
    </div>
    <${PagedList} label="sessions" load=${load} inputs=${[workspace, searched, oldest]} size=${25} estimate=${80}
      empty=${html`<${Nothing} searched=${searched} />`}
      row=${(session) => html`<${Row} path=${path} workspace=${workspace} session=${session} />`} />`;
}

const Nothing = ({ searched }) => searched
  ? html`<${Empty} title=${`No session has “${searched}” in its id.`}><p>Part of the id is enough, in any case.</p><//>`
  : html`<${Empty} title="No sessions yet.">
      <p>A session is a conversation. It appears here with the first message that is added to it.</p><//>`;

function Row({ path, workspace, session }) {
  const said = useLoad((signal) => post([...path, session.id, "messages", "list"], {},
    { query: { size: 1, reverse: true }, signal }), [session.id]);
  const last = said.value?.items[0];
  return html`
    <article>
      <h2 class="row-title"><a href=${href(["w", workspace, "sessions", session.id])}><${Id}>${session.id}<//></a></h2>
      ${last && html`<p class="excerpt"><${Id}>${last.peer_id}<//>: <span class="text" dir="auto">${shorten(last.content)}</span></p>`}
      <p class="meta">
        <span>${messages(said)}</span>
        ${last && html`<span>last said <${Time} at=${last.created_at} /></span>`}
        <span>created <${Time} at=${session.created_at} /></span>
      </p>
    </article>`;
}

function messages({ value, error }) {
  if (error) return `Messages could not be counted: ${error.message}`;
  if (!value) return "Counting messages…";
  return value.total === 1 ? "1 message" : `${number(value.total)} messages`;
}

const shorten = (text) => text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text;
