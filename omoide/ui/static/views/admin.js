// The administration of one workspace: webhooks, scopes, export, deletion.
import { html, useState } from "../../vendor/preact.js";
import { download, post, remove } from "../api.js";
import { Confirm } from "../components/dialog.js";
import { Scopes } from "../components/scopes.js";
import { Webhooks } from "../components/webhooks.js";
import { useAction } from "../load.js";
import { go } from "../router.js";
import { useServer } from "../server.js";

export default function Admin({ workspace }) {
  const { ui_writes: writes } = useServer();
  return html`
    <h1>Administration of <bdi>${workspace}</bdi></h1>
    ${!writes && html`<p class="muted">The operator switched off what this page could change
      (<code>OMOIDE_UI_WRITES</code>). It shows, and changes nothing.</p>`}
    <${Webhooks} workspace=${workspace} writes=${writes} />
    <${Scopes} workspace=${workspace} writes=${writes} />
    <${Export} workspace=${workspace} />
    ${writes && html`<${Deletion} workspace=${workspace} />`}`;
}

function Export({ workspace }) {
  const save = useAction(() => download(["v3", "workspaces", workspace, "export"], `${workspace}.jsonl`));
  return html`
    <section class="card" aria-labelledby="export">
      <h2 id="export">Export</h2>
      <p>Everything in the workspace, as JSON Lines that <code>omoide import</code> reads.</p>
      ${save.error && html`<p class="problem" role="alert">${save.error.message}</p>`}
      <button type="button" disabled=${save.busy} onClick=${() => save.run()}>${save.busy ? "Exporting…" : "Save as a file"}</button>
      <span role="status">${save.done ? " Saved." : ""}</span>
    </section>`;
}

// A workspace can be deleted when it has no sessions, so they go first, one after another.
async function deleteWorkspace(workspace, progress) {
  const sessions = ["v3", "workspaces", workspace, "sessions"];
  for (let done = 0; ;) {
    const { items, total } = await post([...sessions, "list"], {}, { query: { size: 50 } });
    if (!items.length) break;
    for (const { id } of items) {
      progress(`${done} of ${done + total} sessions deleted`);
      await remove([...sessions, id]);
      done += 1;
    }
  }
  progress("Deleting the workspace…");
  await remove(["v3", "workspaces", workspace]);
}

function Deletion({ workspace }) {
  const [asked, setAsked] = useState(false);
  const [progress, setProgress] = useState("");
  const act = async () => {
    await deleteWorkspace(workspace, setProgress);
    go([]);
  };
  return html`
    <section class="card" aria-labelledby="deletion">
      <h2 id="deletion">Delete the workspace</h2>
      <p>Its sessions, messages, peers and conclusions, for good. Export it before.</p>
      <button type="button" class="danger" onClick=${() => setAsked(true)}>Delete…</button>
      ${asked && html`
        <${Confirm} title="Delete the workspace?" verb="Delete everything" word=${workspace} act=${act}
          close=${() => setAsked(false)}>
          <p>All sessions, messages, peers and conclusions of the workspace are deleted. This cannot be undone.</p>
          <p role="status">${progress}</p>
        <//>`}
    </section>`;
}
