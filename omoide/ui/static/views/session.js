// One session: what was said and what was learned from it, its summaries, its members, and the context that it gives.
import { html, useState } from "../../vendor/preact.js";
import { ApiError, post, remove } from "../api.js";
import { Confirm } from "../components/dialog.js";
import { Loaded } from "../components/states.js";
import { Tabs } from "../components/tabs.js";
import { Id, Time } from "../components/text.js";
import { useLoad } from "../load.js";
import { go, href } from "../router.js";
import { useServer } from "../server.js";
import { ContextPreview } from "./session/context.js";
import { Members } from "./session/members.js";
import { Summaries } from "./session/summaries.js";
import { Transcript } from "./session/transcript.js";

const TABS = [["transcript", "Transcript"], ["summaries", "Summaries"], ["members", "Members"], ["context", "Context"]];
const VIEWS = { transcript: Transcript, summaries: Summaries, members: Members, context: ContextPreview };

export default function Session({ workspace, session, query }) {
  const path = ["v3", "workspaces", workspace, "sessions", session];
  const load = useLoad((signal) => find(path, session, signal), [workspace, session]);
  const tab = Object.hasOwn(VIEWS, query.tab ?? "") ? query.tab : "transcript";
  return html`
    <h1><span class="muted">Session</span> <${Id}>${session}<//></h1>
    <${Loaded} load=${load} what="the session">${(found) => html`
      <${Facts} path=${path} workspace=${workspace} session=${found} />
      <${Tabs} tabs=${TABS} current=${tab} label="Parts of the session" />
      <${VIEWS[tab]} ...${{ path, workspace, session: found, query }} />`}
    <//>`;
}

// The API gets a session only by creating it, so it is listed. A key of this session may not list, but read what is in it.
async function find(path, session, signal) {
  try {
    const { items } = await post([...path.slice(0, -1), "list"], { filters: { id: session } }, { query: { size: 1 }, signal });
    if (items.length) return items[0];
  } catch (error) {
    if (error.status !== 401) throw error;
    await post([...path, "messages", "list"], {}, { query: { size: 1 }, signal });
    return { id: session, uid: session, metadata: {}, created_at: null };
  }
  throw new ApiError(404, `There is no session “${session}”.`);
}

function Facts({ path, workspace, session }) {
  const server = useServer();
  const [deleting, setDeleting] = useState(false);
  const metadata = JSON.stringify(session.metadata, null, 2);
  return html`
    <div class="facts">
      <p class="meta">
        ${session.created_at && html`<span>created <${Time} at=${session.created_at} exact /></span>`}
        <a href=${href(["w", workspace, "search"], { session: session.id })}>Search in it</a>
        <a href=${href(["w", workspace, "ask"], { session: session.id })}>Ask about it</a>
        ${server.ui_writes && html`<button type="button" class="link problem" onClick=${() => setDeleting(true)}>Delete…</button>`}
      </p>
      ${metadata !== "{}" && html`<details><summary>Metadata</summary><pre tabindex="0">${metadata}</pre></details>`}
    </div>
    ${deleting && html`<${Confirm} title="Delete this session?" verb="Delete the session" word=${session.id}
      close=${() => setDeleting(false)}
      act=${async () => { await remove(path); go(["w", workspace, "sessions"]); }}>
      <p>Its messages, its summaries, and what was learned only from them are removed. Peers stay. This cannot be undone.</p>
    <//>`}`;
}
