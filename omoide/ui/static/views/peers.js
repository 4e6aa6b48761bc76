// The peers of a workspace: everybody who spoke or is known about, found by a part of the id.
import { html } from "../../vendor/preact.js";
import { get, post } from "../api.js";
import { ChoiceField, SearchField } from "../components/fields.js";
import { PagedList } from "../components/paged_list.js";
import { Empty } from "../components/states.js";
import { Id, Time, counted, number } from "../components/text.js";
import { useLoad } from "../load.js";
import { href } from "../router.js";

const ORDERS = [["newest", "Newest first"], ["oldest", "Oldest first"]];

export default function Peers({ workspace, query }) {
  const { q = "", order } = query;
  const load = (page, size, signal) => post(["v3", "workspaces", workspace, "peers", "list"],
    q ? { filters: { id: { icontains: q } } } : {},
    { query: { page, size, reverse: order !== "oldest" }, signal });
  const known = useKnown(workspace, q);
  return html`
    <h1>Peers</h1>
    <p class="muted">Everybody who speaks in this workspace: people and agents. Open one to see what is known about it.</p>
    <div class="row filters" role="search">
      <${SearchField} query=${query} label="Search by id" />
      <${ChoiceField} query=${query} name="order" label="Order" options=${ORDERS} />
    </div>
    <${PagedList} label="peers" load=${load} inputs=${[workspace, q, order]} estimate=${70}
      row=${(peer) => html`<${PeerRow} peer=${peer} known=${known.get(peer.id)} />`}
      empty=${q ? html`<${Empty} title="No peer has this in its id."><p>Search for a part of an id, in any case.</p><//>`
        : html`<${Empty} title="Nobody has spoken yet."><p>Peers appear here with their first message.${" "}
          <a href=${href(["w", workspace])}>How to send one</a></p><//>`} />`;
}

function PeerRow({ peer, known }) {
  const { observe_me: observed } = peer.configuration;
  return html`
    <a class="statement" href=${href(["w", peer.workspace_id, "peers", peer.id])}><${Id}>${peer.id}<//></a>
    <p class="meta">
      ${known?.conclusions_about > 0 && html`<span>${counted(known.conclusions_about, "conclusion")} about it</span>`}
      ${known?.conclusions_held > 0 && html`<span>holds ${number(known.conclusions_held)}</span>`}
      ${observed === false && html`<span class="badge">not observed</span>`}
      <span>since <${Time} at=${peer.created_at} /></span>
    </p>`;
}

// How much is known about and by the peers with most conclusions, by id. The list is complete without it.
function useKnown(workspace, q) {
  const graph = useLoad((signal) => get(["v3", "workspaces", workspace, "observers"], { query: q }, signal), [workspace, q]);
  return new Map(graph.value?.peers.map((peer) => [peer.peer_id, peer]));
}
