// The first page: the workspaces of the server, and whether all of its parts work.
import { html, useState } from "../../vendor/preact.js";
import { post } from "../api.js";
import { SearchField } from "../components/fields.js";
import { FirstLines } from "../components/first_lines.js";
import { Health } from "../components/health.js";
import { Counts, LastActivity, QueueNote, useOverview } from "../components/overview.js";
import { PagedList } from "../components/paged_list.js";
import { Empty, ErrorView, Loading } from "../components/states.js";
import { Id, Time } from "../components/text.js";
import { useEvery, useLoad } from "../load.js";
import { go, href } from "../router.js";

const EMPTY_SECONDS = 2; // between two looks for workspaces while there is none
const SECONDS = 15; // and later

export default function Home({ query }) {
  const { q = "" } = query;
  const list = (page, size, signal, filters) => post(["v3", "workspaces", "list"], filters ? { filters } : {},
    { query: { page, size, reverse: true }, signal });
  const any = useLoad((signal) => list(1, 1, signal), []);
  const [first, setFirst] = useState(false);
  const empty = any.value?.total === 0;
  useEvery(empty ? EMPTY_SECONDS : SECONDS, any.reload);
  if (empty && !first) setFirst(true);
  return html`
    <h1>Workspaces</h1>
    <${Health} />
    ${any.error ? html`<${Refused} error=${any.error} retry=${any.reload} />`
      : !any.value ? html`<${Loading} what="workspaces" />`
      : empty ? html`<${FirstRun} />` : html`
        ${first && html`<p role="status">The memory has its first workspace.</p>`}
        <div class="row filters" role="search">
          <${SearchField} query=${query} label="Search by id" /></div>
        <${PagedList} label="workspaces" size=${25} estimate=${110} inputs=${[q]} version=${any.value.total}
          load=${(page, size, signal) => list(page, size, signal, q && { id: { icontains: q } })}
          row=${(workspace) => html`<${WorkspaceRow} workspace=${workspace} />`}
          empty=${html`<${Empty} title="No workspace has this in its id." />`} />`}`;
}

const FirstRun = () => html`
  <section class="card" aria-labelledby="first-run">
    <h2 id="first-run">There is no memory yet: tell it something</h2>
    <p>Paste these lines into a terminal or a program.</p>
    <${FirstLines} />
  </section>`;

function WorkspaceRow({ workspace: { id, created_at: created } }) {
  const { value, error } = useOverview(id);
  return html`
    <h2><a href=${href(["w", id])}><${Id}>${id}<//></a></h2>
    <p class="meta">${value ? html`<${Counts} overview=${value} />`
      : html`<span>${error ? `It cannot be counted: ${error.message}` : "Counting…"}</span>`}</p>
    <p class="meta">${value && html`<${LastActivity} overview=${value} />
      <${QueueNote} workspace=${id} queue=${value.queue} />`}<span>since <${Time} at=${created} /></span></p>`;
}

// Only an admin's key lists workspaces; with another one, a workspace is opened by its id.
function Refused({ error, retry }) {
  const open = (event) => {
    event.preventDefault();
    go(["w", new FormData(event.target).get("workspace").trim()]);
  };
  return html`
    <${ErrorView} error=${error} retry=${retry} />
    ${error.status === 401 && html`
      <form class="row centred" onSubmit=${open}>
        <label>Or open a workspace by its id<input name="workspace" required autocomplete="off" spellcheck="false" /></label>
        <button>Open</button>
      </form>`}`;
}
