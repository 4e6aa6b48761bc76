// What can be done to a peer: let the server dream about it, and forget it.
import { html, useState } from "../../../vendor/preact.js";
import { get, post, remove } from "../../api.js";
import { Confirm } from "../../components/dialog.js";
import { Id, number } from "../../components/text.js";
import { useAction, useLoad } from "../../load.js";
import { go, href } from "../../router.js";

const LONG = 40; // characters of an id that nobody is asked to type

export function Actions({ workspace, peer, observer }) {
  const [asked, setAsked] = useState(false);
  const dream = useAction(() => post(["v3", "workspaces", workspace, "schedule_dream"],
    { observer, observed: peer, dream_type: "omni" }));
  return html`
    <div class="row actions">
      <button type="button" disabled=${dream.busy} onClick=${dream.run}
        title="Merges what says the same, deduces, and finds patterns and contradictions">
        ${dream.busy ? "Scheduling…" : "Dream now"}</button>
      <button type="button" onClick=${() => setAsked(true)}>Forget this peer…</button>
      <span role="status">${dream.done && html`The dream is scheduled: see the${" "}
        <a href=${href(["w", workspace, "queue"])}>queue</a>.`}</span>
      ${dream.error && html`<span class="problem" role="alert">${dream.error.message}</span>`}
    </div>
    ${asked && html`<${Forget} workspace=${workspace} peer=${peer} close=${() => setAsked(false)} />`}`;
}

function Forget({ workspace, peer, close }) {
  const act = async () => {
    await remove(["v3", "workspaces", workspace, "peers", peer]);
    go(["w", workspace, "peers"]);
  };
  const taken = useTaken(workspace, peer);
  return html`
    <${Confirm} title="Forget this peer" verb="Forget it for good" close=${close} act=${act}
      word=${peer.length > LONG ? "forget" : peer}>
      <p>This deletes <${Id}>${peer}<//> and, for every observer:</p>
      <ul class="dots">
        <li>what it said${taken.messages}</li>
        <li>what anybody concluded about it${taken.about}, and the cards about it</li>
        <li>what it concluded about others${taken.held}</li>
        <li>what was derived from any of these</li>
      </ul>
      <p>Summaries of its sessions${taken.sessions} are made again without it. It cannot be undone.</p>
    <//>`;
}

// How much goes with the peer, each as " (12)"; empty while it is counted, and where it cannot be.
function useTaken(workspace, peer) {
  const root = ["v3", "workspaces", workspace];
  const total = (path, filters) => (signal) => post([...root, ...path], filters && { filters },
    { query: { size: 1 }, signal }).then((page) => page.total);
  const about = useLoad(total(["conclusions", "list"], { observed_id: peer, status: "*" }), []);
  const held = useLoad(total(["conclusions", "list"],
    { observer_id: peer, observed_id: { ne: peer }, status: "*" }), []);
  const sessions = useLoad(total(["peers", peer, "sessions"]), []);
  const messages = useLoad((signal) => get([...root, "peers", peer, "timeline"], { buckets: 1, limit: 0 }, signal)
    .then(({ buckets, approximate }) => approximate ? undefined : buckets.reduce((sum, { said }) => sum + said, 0)), []);
  const shown = ({ value }) => value === undefined ? "" : ` (${number(value)})`;
  return { about: shown(about), held: shown(held), sessions: shown(sessions), messages: shown(messages) };
}
