// The conclusions of an observer about a peer: by level, status and time, or found by a search (?q=).
import { html } from "../../../vendor/preact.js";
import { post } from "../../api.js";
import { ConclusionRow } from "../../components/conclusion_row.js";
import { ChoiceField, DateField, SearchField } from "../../components/fields.js";
import { Marked } from "../../components/marked.js";
import { Match } from "../../components/match.js";
import { PagedList } from "../../components/paged_list.js";
import { Empty } from "../../components/states.js";
import { replaceQuery } from "../../router.js";

const LEVELS = [["", "All levels"], ["explicit", "Explicit: said"], ["deductive", "Deductive: follows"],
  ["inductive", "Inductive: patterns"], ["contradiction", "Contradictions"]];
const STATUSES = [["current", "Current"], ["*", "All"], ["superseded", "Superseded"], ["invalid", "Invalid"],
  ["merged", "Merged"]];
const ORDERS = [["newest", "Learned last first"], ["oldest", "Learned first first"]];
const FOUND = 25; // at most as many results of a search: each may have 30 kB

const day = (date, added = 0) => {
  const begin = new Date(`${date}T00:00`);
  begin.setDate(begin.getDate() + added);
  return Number.isNaN(begin.getTime()) ? null : begin.toISOString();
};

function filtersOf(observer, observed, { level, status, since, until }) {
  const said = { ...(since && day(since) && { gte: day(since) }), ...(until && day(until) && { lt: day(until, 1) }) };
  return {
    observer_id: observer, observed_id: observed,
    ...(level && { level }), ...(status && { status }), ...(Object.keys(said).length && { said_at: said }),
  };
}

export function Conclusions({ workspace, observer, observed, query }) {
  const { q, level, status, since, until, order } = query;
  const path = ["v3", "workspaces", workspace, "conclusions"];
  const filters = filtersOf(observer, observed, query);
  const load = async (page, size, signal) => {
    if (!q) return post([...path, "list"], { filters }, { query: { page, size, reverse: order === "oldest" }, signal });
    const items = await post([...path, "query"], { query: q, top_k: FOUND, filters, explain: true }, { signal });
    return { items, total: items.length };
  };
  const narrowed = q || level || status || since || until;
  return html`
    <div class="row filters" role="search">
      <${SearchField} query=${query} label="Search by words and meaning" />
      <${ChoiceField} query=${query} name="level" label="Level" options=${LEVELS} />
      <${ChoiceField} query=${query} name="status" label="Status" options=${STATUSES} />
      <${DateField} query=${query} name="since" label="Said from" />
      <${DateField} query=${query} name="until" label="Said until" />
      ${!q && html`<${ChoiceField} query=${query} name="order" label="Order" options=${ORDERS} />`}
    </div>
    <${PagedList} label="conclusions" load=${load} size=${FOUND} estimate=${75}
      inputs=${[workspace, observer, observed, q, level, status, since, until, order]}
      row=${(conclusion) => html`
        <${ConclusionRow} workspace=${workspace} conclusion=${conclusion}
          text=${q && html`<${Marked} text=${conclusion.content} query=${q} shown=${300} more=${false} />`}>
          ${conclusion.match && html`<${Match} match=${conclusion.match} />`}<//>`}
      empty=${narrowed ? html`<${Nothing} />` : html`<${Unknown} />`} />`;
}

const NOTHING = { q: null, level: null, status: null, since: null, until: null };

const Nothing = () => html`
  <${Empty} title="No conclusion matches.">
    <button type="button" onClick=${() => replaceQuery(NOTHING)}>Show all current ones</button><//>`;

const Unknown = () => html`
  <${Empty} title="Nothing is known yet.">
    <p>Conclusions are drawn a few seconds after messages arrive, from what is said in them. Another observer may know
      more: see the switch above. A message's own page in its session tells why nothing was derived from it.</p><//>`;
