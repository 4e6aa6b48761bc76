// Search in what was said and in what was learned, with the reasons of each hit.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { post } from "../api.js";
import { ConclusionRow } from "../components/conclusion_row.js";
import { IdField } from "../components/fields.js";
import { Marked } from "../components/marked.js";
import { Match } from "../components/match.js";
import { MessageView } from "../components/message.js";
import { Empty, ErrorView, Loading } from "../components/states.js";
import { Id, number } from "../components/text.js";
import { useLoad } from "../load.js";
import { replaceQuery } from "../router.js";

const FIRST = 10; // hits at first; each "more" asks for so many again
const MOST = 100; // what the API answers at most

export default function Search({ workspace, query }) {
  const { q = "", peer, session } = query;
  const rerank = query.rerank === "yes";
  const root = ["v3", "workspaces", workspace];
  const narrowed = { workspace, q, peer, session, rerank };
  return html`
    <h1>Search <${Id}>${workspace}<//></h1>
    <${Form} workspace=${workspace} query=${query} />
    <div class="columns">
      <${Hits} title="Messages" name="messages" shown=${query.messages} ...${narrowed}
        search=${(limit, signal) => post([...messagesPath(root, peer, session), "search"],
          { query: q, limit, rerank, explain: true, filters: session && peer ? { peer_id: peer } : null }, { signal })}
        row=${(message) => html`
          <${MessageView} workspace=${workspace} message=${message} showSession
            text=${html`<${Marked} text=${message.content} query=${q} />`}><${Match} match=${message.match} /><//>`} />
      <${Hits} title="Conclusions" name="conclusions" shown=${query.conclusions} ...${narrowed}
        search=${(limit, signal) => post([...root, "conclusions", "query"],
          { query: q, top_k: limit, rerank, explain: true, filters: given({ observed_id: peer, session_id: session }) }, { signal })}
        row=${(conclusion) => html`
          <${ConclusionRow} workspace=${workspace} conclusion=${conclusion}
            text=${html`<${Marked} text=${conclusion.content} query=${q} shown=${300} more=${false} />`}><${Match} match=${conclusion.match} /><//>`} />
    </div>`;
}

// The narrowest search, so that a key of a session or of a peer may be enough.
function messagesPath(root, peer, session) {
  if (session) return [...root, "sessions", session];
  return peer ? [...root, "peers", peer] : root;
}

const given = (filters) => Object.fromEntries(Object.entries(filters).filter(([, value]) => value));

function Form({ workspace, query }) {
  const [text, setText] = useState(query.q ?? "");
  useEffect(() => setText(query.q ?? ""), [query.q]);
  const submit = (event) => {
    event.preventDefault();
    replaceQuery({ q: text.trim(), messages: null, conclusions: null });
  };
  return html`
    <search><form class="card controls" onSubmit=${submit}>
      <label class="grow">What to find
        <input type="search" value=${text} onInput=${(event) => setText(event.target.value)} maxlength="10000" autocomplete="off" /></label>
      <button class="primary">Search</button>
      <${IdField} workspace=${workspace} kind="peers" label="Said by or about peer" value=${query.peer} hint="any"
        change=${(peer) => replaceQuery({ peer })} />
      <${IdField} workspace=${workspace} kind="sessions" label="In session" value=${query.session} hint="any"
        change=${(session) => replaceQuery({ session })} />
      <label class="check"><input type="checkbox" checked=${query.rerank === "yes"}
        onChange=${(event) => replaceQuery({ rerank: event.target.checked ? "yes" : null })} />
        Rerank: read each of the best together with the query</label>
    </form></search>`;
}

function Hits({ title, name, shown, search, row, workspace, q, peer, session, rerank }) {
  const limit = Math.min(Math.max(Math.trunc(Number(shown)) || FIRST, FIRST), MOST);
  const { value, error, reload } = useLoad((signal) => search(limit, signal), [workspace, q, peer, session, rerank, limit]);
  return html`
    <section aria-labelledby=${name}>
      <h2 id=${name}>${q ? title : `Newest ${title.toLowerCase()}`}</h2>
      <p class="muted" role="status">${value ? told(value.length, limit) : ""}</p>
      ${error && html`<${ErrorView} error=${error} retry=${reload} />`}
      ${!error && !value && html`<${Loading} what=${name} />`}
      ${value?.length === 0 && html`<${Empty} title="Nothing found.">
        <p>${peer || session ? "Search without the peer or the session, or with other words." : "Try other words."}</p><//>`}
      ${value?.length > 0 && html`<ol class="hits">${value.map((hit) => html`<li key=${hit.id}>${row(hit)}</li>`)}</ol>`}
      ${value?.length === limit && limit < MOST && html`
        <button type="button" onClick=${() => replaceQuery({ [name]: limit + FIRST })}>Show more</button>`}
    </section>`;
}

function told(found, limit) {
  if (found < limit) return `${number(found)} found`;
  return limit < MOST ? `The best ${number(found)}` : `The best ${number(found)}, which is as many as one search finds`;
}
