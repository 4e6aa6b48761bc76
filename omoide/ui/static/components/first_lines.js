// What to paste for the first messages of a workspace.
import { html, useState } from "../../vendor/preact.js";
import { url } from "../api.js";
import { useServer } from "../server.js";
import { CopyButton } from "./text.js";

const address = () => url([]).href.replace(/\/$/, "");

const python = (workspace, authentication) => `# pip install honcho-ai
from honcho import Honcho

honcho = Honcho(base_url="${address()}", workspace_id="${workspace}"${authentication ? ', api_key="YOUR KEY"' : ""})
alice, session = honcho.peer("alice"), honcho.session("first")
session.add_messages([
    alice.message("Hi! I moved to Lisbon with my dog Rex."),
    alice.message("I work as a nurse, mostly at night."),
])
# A few seconds later:
print(alice.chat("Where does Alice live?"))`;

const curl = (workspace, authentication) => `curl ${address()}/v3/workspaces/${workspace}/sessions/first/messages \\
  -H 'content-type: application/json' \\${authentication ? "\n  -H 'authorization: Bearer YOUR KEY' \\" : ""}
  -d '{"messages": [
    {"peer_id": "alice", "content": "Hi! I moved to Lisbon with my dog Rex."},
    {"peer_id": "alice", "content": "I work as a nurse, mostly at night."}
  ]}'

# A few seconds later:
curl ${address()}/v3/workspaces/${workspace}/peers/alice/chat \\
  -H 'content-type: application/json' \\${authentication ? "\n  -H 'authorization: Bearer YOUR KEY' \\" : ""}
  -d '{"query": "Where does Alice live?"}'`;

const WAYS = [["python", "Python", python], ["curl", "curl", curl]];

export function FirstLines({ workspace = "demo" }) {
  const [chosen, setChosen] = useState(WAYS[0][0]);
  const { authentication } = useServer();
  const lines = WAYS.find(([name]) => name === chosen)[2](workspace, authentication);
  return html`
    <div class="first-lines">
      <div class="row" role="group" aria-label="Language">${WAYS.map(([name, title]) => html`
        <button key=${name} type="button" aria-pressed=${name === chosen} onClick=${() => setChosen(name)}>${title}</button>`)}
        <${CopyButton} text=${lines} label="Copy the lines" /></div>
      <pre tabindex="0" aria-label="Lines to paste">${lines}</pre>
      <p class="muted" role="status">This page shows the memory as soon as they have run.</p>
    </div>`;
}
