// Keys: what each may do, and making one. Keys are signed, not stored, so there is no list of them.
import { html, useState } from "../../vendor/preact.js";
import { post } from "../api.js";
import { Empty } from "../components/states.js";
import { CopyButton } from "../components/text.js";
import { useAction } from "../load.js";
import { useServer } from "../server.js";

const LIFETIMES = [["", "never"], ["1", "in a day"], ["30", "in 30 days"], ["365", "in a year"]];
const ID = "[a-zA-Z0-9_\\-]+";

// What a key with these claims may do, as openapi.yaml says it.
export function reach({ workspace_id: workspace, peer_id: peer, session_id: session }) {
  if (!workspace) return "It may do everything on this server: read, write and delete every workspace, and make keys.";
  if (session && peer) return `It may call what a key of the session ${session} or of its member ${peer} may call, and nothing else.`;
  if (session) return `It may read and write the session ${session} of ${workspace}: its messages, members, context and summaries.`;
  if (peer) return `It may act as ${peer} in ${workspace}: ask, read its representation and card, and use the sessions that it is in.`;
  return `It may do everything in the workspace ${workspace}, and nothing outside.`;
}

export default function Keys() {
  const server = useServer();
  return html`
    <h1>Keys</h1>
    ${server.authentication ? html`<${Mint} writes=${server.ui_writes} />` : html`
      <${Empty} title="This server asks for no key.">
        <p>Whoever reaches it may do everything. To ask for keys, set <code>OMOIDE_AUTH=true</code> and
        <code>OMOIDE_JWT_SECRET</code>, and restart.</p><//>`}`;
}

function Mint({ writes }) {
  const [claims, setClaims] = useState({ workspace_id: "", peer_id: "", session_id: "" });
  const [days, setDays] = useState("30");
  const [made, setMade] = useState(null);
  const action = useAction(async () => {
    const expiry = days && new Date(Date.now() + Number(days) * 86_400_000).toISOString();
    setMade(null);
    setMade((await post(["v3", "keys"], undefined, { query: { ...claims, expires_at: expiry } })).key);
  });
  const field = (name, label, disabled) => html`
    <label>${label}
      <input value=${claims[name]} pattern=${ID} maxlength="512" disabled=${disabled} autocomplete="off" spellcheck="false"
        onInput=${(event) => setClaims({ ...claims, [name]: event.target.value })} />
    </label>`;
  if (!writes) return html`
    <${Empty} title="This page makes no keys.">
      <p>The operator switched off what it could change (<code>OMOIDE_UI_WRITES</code>). Use <code>omoide keys</code>.</p><//>`;
  return html`
    <form class="card stack" onSubmit=${(event) => { event.preventDefault(); action.run(); }}>
      <h2>Make a key</h2>
      <div class="row">
        ${field("workspace_id", "Workspace (empty: all)")}
        ${field("peer_id", "Only this peer", !claims.workspace_id)}
        ${field("session_id", "Only this session", !claims.workspace_id)}
        <label>Expires <select value=${days} onChange=${(event) => setDays(event.target.value)}>
          ${LIFETIMES.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select></label>
      </div>
      <p role="status" class=${claims.workspace_id ? "" : "warn"}>${reach(claims)}</p>
      <p class="muted">A key cannot be withdrawn before it expires, except by changing the server's secret.</p>
      ${action.error && html`<p class="problem" role="alert">${action.error.message}</p>`}
      <div><button class="primary" disabled=${action.busy}>Make the key</button></div>
    </form>
    ${made && html`
      <section class="card" aria-labelledby="made">
        <h2 id="made" tabindex="-1">The key</h2>
        <p>It is shown once. Keep it where your other secrets are.</p>
        <pre class="key" tabindex="0">${made}</pre>
        <p><${CopyButton} text=${made} label="Copy the key" /></p>
      </section>`}`;
}
