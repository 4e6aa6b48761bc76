// A peer: what one observer knows about it (?observer=, else the peer itself), in tabs (?tab=).
import { html } from "../../vendor/preact.js";
import { post } from "../api.js";
import { Empty, Loading } from "../components/states.js";
import { Tabs } from "../components/tabs.js";
import { Id, Time } from "../components/text.js";
import { useLoad } from "../load.js";
import { href } from "../router.js";
import { useServer } from "../server.js";
import { Actions } from "./peer/actions.js";
import { Card } from "./peer/card.js";
import { Changes } from "./peer/changes.js";
import { Conclusions } from "./peer/conclusions.js";
import { Representation } from "./peer/representation.js";
import { Sessions } from "./peer/sessions.js";
import { WhoKnows } from "./peer/who_knows.js";

const TABS = [
  ["card", "Card", Card],
  ["conclusions", "Conclusions", Conclusions],
  ["representation", "Representation", Representation],
  ["changes", "Changes", Changes],
  ["sessions", "Sessions", Sessions],
];

export default function Peer({ workspace, peer, query }) {
  const { ui_writes: writes } = useServer();
  const observer = query.observer ?? peer;
  const [name, , View] = TABS.find(([tab]) => tab === query.tab) ?? TABS[0];
  // A peer's own key may not list peers: then the tabs show what it may see.
  const found = useLoad((signal) => post(["v3", "workspaces", workspace, "peers", "list"], { filters: { id: peer } },
    { query: { size: 1 }, signal }), [workspace, peer]);
  if (found.value?.total === 0) return html`<${NoPeer} workspace=${workspace} peer=${peer} />`;
  if (!found.value && !found.error) return html`<h1><${Id}>${peer}<//></h1><${Loading} />`;
  const self = found.value?.items[0];
  return html`
    <h1><${Id}>${peer}<//></h1>
    <p class="meta">
      ${self && html`<span>since <${Time} at=${self.created_at} /></span>`}
      ${self?.configuration.observe_me === false && html`
        <span class="badge" title="observe_me is false: nothing is concluded about it">not observed</span>`}
      <a href=${href(["w", workspace, "peers", peer, "timeline"], { observer: query.observer })}>Timeline</a>
    </p>
    <div class="row card">
      <${WhoKnows} workspace=${workspace} peer=${peer} observer=${observer} query=${query} />
      ${writes && html`<${Actions} workspace=${workspace} peer=${peer} observer=${observer} />`}
    </div>
    <${Tabs} tabs=${TABS} current=${name} label="What is known" />
    <${View} key=${observer} workspace=${workspace} observer=${observer} observed=${peer} query=${query} />`;
}

const NoPeer = ({ workspace, peer }) => html`
  <h1><${Id}>${peer}<//></h1>
  <${Empty} title="There is no peer with this id.">
    <p>It was forgotten, became part of another, or has never spoken.${" "}
      <a href=${href(["w", workspace, "peers"])}>All peers</a></p><//>`;
