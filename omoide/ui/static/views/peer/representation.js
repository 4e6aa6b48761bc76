// The representation: the text about a peer as a prompt gets it, for a search query if one is given.
import { html } from "../../../vendor/preact.js";
import { post } from "../../api.js";
import { ChoiceField, SearchField } from "../../components/fields.js";
import { Empty, Loaded } from "../../components/states.js";
import { CopyButton, number } from "../../components/text.js";
import { useLoad } from "../../load.js";

const COUNTS = [["25", "25"], ["50", "50"], ["100", "100"], ["10", "10"]];

export function Representation({ workspace, observer, observed, query }) {
  const { q, most = COUNTS[0][0] } = query;
  const text = useLoad((signal) => post(["v3", "workspaces", workspace, "peers", observer, "representation"], {
    target: observer === observed ? null : observed, search_query: q || null, max_conclusions: Number(most),
  }, { signal }), [workspace, observer, observed, q, most]);
  return html`
    <p class="muted">What a prompt gets about this peer: what was searched for first, then what is worth most.</p>
    <div class="row filters" role="search">
      <${SearchField} query=${query} label="Search query of the prompt" />
      <${ChoiceField} query=${query} name="most" label="Conclusions at most" options=${COUNTS} />
    </div>
    <${Loaded} load=${text} what="the representation">${({ representation }) => representation.trim()
      ? html`
        <pre class="prompt" dir="auto" tabindex="0" aria-label="Representation">${representation}</pre>
        <p class="row"><${CopyButton} text=${representation} label="Copy the text" />
          <span class="muted" role="status">${number(representation.length)} characters</span></p>`
      : html`<${Empty} title=${q ? "Nothing that is known fits this query." : "Nothing is known yet."}>
          <p>A prompt would get an empty text.</p><//>`}<//>`;
}
