// Who forms a picture of whom: the peers with most conclusions as a graph, and the same as tables.
import { html, useState } from "../../vendor/preact.js";
import { get } from "../api.js";
import { SearchField } from "../components/fields.js";
import { Empty, Loaded } from "../components/states.js";
import { Id, number } from "../components/text.js";
import { useLoad } from "../load.js";
import { href } from "../router.js";
import { Graph } from "./observers/graph.js";

const ROWS = 25; // of a table at a time

export default function Observers({ workspace, query }) {
  const { q: searched, peer } = query;
  const load = useLoad((signal) => get(["v3", "workspaces", workspace, "observers"], { query: searched, peer_id: peer }, signal),
    [workspace, searched, peer]);
  return html`
    <h1>Who knows whom in <${Id}>${workspace}<//></h1>
    <p>A peer that observes another keeps its own conclusions about it, from what it heard. Here is who has how many about whom.</p>
    <div class="row filters">
      <${SearchField} query=${query} label="Peers whose id contains" />
      ${peer && html`<p>Only <${Id}>${peer}<//> and its neighbours.
        <a href=${href(["w", workspace, "observers"], { q: searched })}>Show others too</a></p>`}
    </div>
    <${Loaded} load=${load} what="the observers">${(graph) => graph.peers.length
      ? html`<${Shown} workspace=${workspace} graph=${graph} />`
      : html`<${Nothing} narrowed=${searched || peer} />`}<//>`;
}

const Nothing = ({ narrowed }) => narrowed
  ? html`<${Empty} title="No peer with conclusions matches."><p>Part of the id is enough, in any case.</p><//>`
  : html`<${Empty} title="Nobody knows anything yet.">
      <p>Conclusions appear when peers have said something that can be learned from, and reasoning is on.</p><//>`;

function Shown({ workspace, graph }) {
  const { peers, pairs } = graph;
  const to = (id, query) => href(["w", workspace, "peers", id], query);
  return html`
    <p role="status">${summary(graph)}</p>
    <${Graph} workspace=${workspace} graph=${graph} />
    <${Table} title="Pairs" columns=${["Observer", "About", "Conclusions"]} items=${pairs}
      row=${({ observer_id: observer, observed_id: observed, conclusions }) => html`
        <td><a href=${to(observer)}><${Id}>${observer}<//></a></td>
        <td><a href=${to(observed, { observer })}><${Id}>${observed}<//></a>${observer === observed && " (itself)"}</td>
        <td class="number">${number(conclusions)}</td>`} />
    <${Table} title="Peers" columns=${["Peer", "Holds", "About it", "Graph"]} items=${peers}
      row=${({ peer_id: peer, conclusions_held: held, conclusions_about: about }) => html`
        <td><a href=${to(peer)}><${Id}>${peer}<//></a></td>
        <td class="number">${number(held)}</td><td class="number">${number(about)}</td>
        <td><a href=${href(["w", workspace, "observers"], { peer })} aria-label=${`Only ${peer} and its neighbours`}>Neighbours</a></td>`} />`;
}

function summary({ peers, pairs, total_peers: allPeers, total_pairs: allPairs, total_conclusions: conclusions, truncated }) {
  if (!truncated) return `${number(peers.length)} peers, ${number(pairs.length)} pairs; ${number(conclusions)} conclusions in the workspace`;
  return `The ${number(peers.length)} peers with most conclusions and ${number(pairs.length)} pairs of them, out of `
    + `${number(allPeers)} peers and ${number(allPairs)} pairs. Search to see others.`;
}

function Table({ title, columns, items, row }) {
  const [shown, setShown] = useState(ROWS);
  return html`
    <section class="card">
      <div class="scroll" tabindex="0" role="region" aria-label=${title}><table>
        <caption><h2>${title} <span class="muted">${number(items.length)}</span></h2></caption>
        <thead><tr>${columns.map((column) => html`<th key=${column} scope="col">${column}</th>`)}</tr></thead>
        <tbody>${items.slice(0, shown).map((item, index) => html`<tr key=${index}>${row(item)}</tr>`)}</tbody>
      </table></div>
      ${items.length > shown && html`<p><button type="button" onClick=${() => setShown(shown + 4 * ROWS)}>
        Show ${number(Math.min(4 * ROWS, items.length - shown))} more</button></p>`}
    </section>`;
}
