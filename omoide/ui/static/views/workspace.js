// A workspace at a glance: how much it knows, what it does, what it costs, what it learned last.
import { html } from "../../vendor/preact.js";
import { post } from "../api.js";
import { ConclusionRow } from "../components/conclusion_row.js";
import { FirstLines } from "../components/first_lines.js";
import { LastActivity, QueueNote, count, useOverview } from "../components/overview.js";
import { Empty, Loaded } from "../components/states.js";
import { Id, Time } from "../components/text.js";
import { Usage } from "../components/usage.js";
import { useLater, useLoad } from "../load.js";
import { href } from "../router.js";

const NEWEST = 10;
const TILES = [
  ["peers", "peers", ["peers"]], ["sessions", "sessions", ["sessions"]], ["messages", "messages", ["search"]],
  ["conclusions", "conclusions held", ["search"]], ["ended_conclusions", "no longer held", null],
];

export default function Workspace({ workspace }) {
  const overview = useOverview(workspace);
  return html`
    <h1><${Id}>${workspace}<//></h1>
    <${Loaded} load=${overview} what="the overview">${(value) => html`
      <p class="meta"><${LastActivity} overview=${value} /><span>since <${Time} at=${value.created_at} /></span></p>
      <ul class="tiles">${TILES.map(([name, title, path]) => html`
        <li key=${name}><${Tile} ...${{ workspace, path, title }} shown=${count(value, name)} /></li>`)}</ul>
      <p><${QueueNote} workspace=${workspace} queue=${value.queue} /></p>
      ${value.messages === 0 && html`
        <section class="card" aria-labelledby="first"><h2 id="first">Tell it something</h2>
          <${FirstLines} workspace=${workspace} /></section>`}
      <${Newest} workspace=${workspace} version=${`${value.last_conclusion_at} ${value.conclusions}`} />
      <${Usage} workspace=${workspace} />`}<//>`;
}

function Tile({ workspace, path, title, shown }) {
  const content = html`<span class="figure">${shown}</span> <span>${title}</span>`;
  return path ? html`<a class="tile" href=${href(["w", workspace, ...path])}>${content}</a>`
    : html`<span class="tile">${content}</span>`;
}

function Newest({ workspace, version }) {
  const load = useLoad((signal) => post(["v3", "workspaces", workspace, "conclusions", "list"], {},
    { query: { size: NEWEST }, signal }), [workspace]);
  useLater(version, load.reload);
  return html`
    <section class="part" aria-labelledby="newest"><h2 id="newest">Learned last</h2>
      <${Loaded} load=${load} what="conclusions">${({ items }) => items.length
        ? html`<ul class="list">${items.map((conclusion) => html`
            <li key=${conclusion.id}><${ConclusionRow} ...${{ workspace, conclusion }} /></li>`)}</ul>`
        : html`<${Empty} title="Nothing is known yet.">
            <p>Conclusions are drawn a few seconds after messages arrive; with a language model, some minutes.</p><//>`}<//>
    </section>`;
}
