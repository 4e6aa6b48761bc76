// The switch "who knows what about whom": by whom the shown peer is known, and whom it knows.
import { html } from "../../../vendor/preact.js";
import { get } from "../../api.js";
import { IdField } from "../../components/fields.js";
import { Id, number } from "../../components/text.js";
import { useLoad } from "../../load.js";
import { href, replaceQuery } from "../../router.js";

const SHOWN = 12; // peers that it knows, as links

// While the pairs load, and where a key may not see them, only the shown observer can be chosen.
export function WhoKnows({ workspace, peer, observer, query }) {
  const graph = useLoad((signal) => get(["v3", "workspaces", workspace, "observers"], { peer_id: peer }, signal),
    [workspace, peer]);
  const pairs = graph.value?.pairs ?? [];
  const observers = new Map(pairs.filter((pair) => pair.observed_id === peer)
    .map((pair) => [pair.observer_id, pair.conclusions]));
  for (const id of [peer, observer]) if (!observers.has(id)) observers.set(id, 0);
  const targets = pairs.filter((pair) => pair.observer_id === peer && pair.observed_id !== peer);
  const title = (id, count) => `${id === peer ? `${id}, itself` : id}${count ? ` (${number(count)})` : ""}`;
  const choose = ({ target }) => replaceQuery({ observer: target.value === peer ? null : target.value });
  return html`
    <div class="who">
      <label>As known by
        <select value=${observer} onChange=${choose}>
          ${[...observers].map(([id, count]) => html`<option key=${id} value=${id}>${title(id, count)}</option>`)}
        </select></label>
      ${graph.value?.truncated && html`<${IdField} workspace=${workspace} kind="peers" label="Another observer"
        value="" change=${(id) => id && choose({ target: { value: id } })} />`}
      ${targets.length > 0 && html`
        <p class="meta"><span>It knows about</span> ${targets.slice(0, SHOWN).map((pair) => html`
          <a key=${pair.observed_id}
            href=${href(["w", workspace, "peers", pair.observed_id], { observer: peer, tab: query.tab })}>
            <${Id}>${pair.observed_id}<//> (${number(pair.conclusions)})</a>`)}
          ${targets.length > SHOWN && html`<a href=${href(["w", workspace, "observers"], { peer })}>and more</a>`}</p>`}
    </div>`;
}
