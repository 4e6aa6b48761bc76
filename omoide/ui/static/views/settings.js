// The settings in force: what differs from the defaults first, then everything by group. Secrets are never sent here.
import { html, useMemo } from "../../vendor/preact.js";
import { get } from "../api.js";
import { Empty, Loaded } from "../components/states.js";
import { useLoad } from "../load.js";
import { replaceQuery } from "../router.js";

const shown = (value) => value === null ? "not set" : typeof value === "string" ? value : JSON.stringify(value);
const words = (name) => name.replaceAll("_", " ");

export default function Settings({ query }) {
  const load = useLoad((signal) => get(["v3", "settings"], {}, signal), []);
  return html`
    <h1>Settings</h1>
    <p>What this server runs with. Change a setting in the environment or in <code>omoide.toml</code>, then restart.</p>
    <${Loaded} load=${load} what="the settings">${({ items }) => html`<${Table} items=${items} query=${query} />`}<//>`;
}

function Table({ items, query: { q = "", all = "" } }) {
  const found = useMemo(() => items.filter((item) => (all || q || item.source !== "default")
    && `${item.name} ${item.variable} ${item.description}`.toLowerCase().includes(q.toLowerCase())), [items, q, all]);
  const groups = Map.groupBy(found, (item) => item.group);
  return html`
    <form class="row" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Find a setting
        <input type="search" value=${q} onInput=${(event) => replaceQuery({ q: event.target.value })} /></label>
      <label class="check"><input type="checkbox" checked=${all} onChange=${(event) => replaceQuery({ all: event.target.checked ? "1" : "" })} />
        Also those with their default</label>
    </form>
    <p class="muted" role="status">${found.length} of ${items.length} settings</p>
    ${!found.length && html`<${Empty} title=${q ? "No setting matches." : "Everything has its default."} />`}
    ${[...groups].map(([group, settings]) => html`
      <div class="card" key=${group}>
        <h2 id=${`group-${group}`} class="capital">${words(group)}</h2>
        <div class="scroll" tabindex="0" role="region" aria-labelledby=${`group-${group}`}>
        <table>
          <thead><tr><th scope="col">Setting</th><th scope="col">Value</th><th scope="col">From</th></tr></thead>
          <tbody>${settings.map((item) => html`<${Setting} key=${item.name} item=${item} />`)}</tbody>
        </table></div>
      </div>`)}`;
}

const SOURCES = { default: "default", file: "omoide.toml", environment: "environment", command_line: "command line" };

const Setting = ({ item }) => html`
  <tr>
    <th scope="row"><code>${item.variable}</code><p class="muted">${item.description}</p></th>
    <td>${item.secret ? html`<span class="muted">${item.source === "default" ? "not set" : "hidden"}</span>`
      : html`<code>${shown(item.value)}</code>`}
      ${!item.secret && item.source !== "default" && html`<p class="muted">default: <code>${shown(item.default)}</code></p>`}</td>
    <td>${SOURCES[item.source] ?? item.source}</td>
  </tr>`;
