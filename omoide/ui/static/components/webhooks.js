// The webhook endpoints of a workspace: add, try, delete; and how the last delivery went, if the server tells.
import { html, useState } from "../../vendor/preact.js";
import { get, post, remove } from "../api.js";
import { useAction, useLoad } from "../load.js";
import { Confirm } from "./dialog.js";
import { Loaded } from "./states.js";
import { Time } from "./text.js";

export function Webhooks({ workspace, writes }) {
  const path = ["v3", "workspaces", workspace, "webhooks"];
  const load = useLoad((signal) => get(path, { size: 50 }, signal), [workspace]);
  const [gone, setGone] = useState(null);
  const add = useAction(async (form) => {
    await post(path, { url: new FormData(form).get("url") });
    form.reset();
    load.reload();
  });
  const test = useAction(async () => {
    await get([...path, "test"]);
    load.reload();
  });
  return html`
    <section class="card" aria-labelledby="webhooks">
      <h2 id="webhooks">Webhooks</h2>
      <p>Each URL receives the events of the workspace, such as <code>queue.empty</code>, if the server has a secret to sign them with
        (<code>OMOIDE_WEBHOOK_SECRET</code>).</p>
      <${Loaded} load=${load} what="webhooks">${({ items }) => items.length
        ? html`<ul class="lines">${items.map((endpoint) => html`<li key=${endpoint.id} class="row">
            <span class="grow"><bdi class="id">${endpoint.url}</bdi> <${Delivery} delivery=${endpoint.last_delivery} /></span>
            ${writes && html`<button type="button" aria-label=${`Delete ${endpoint.url}`} onClick=${() => setGone(endpoint)}>Delete</button>`}
          </li>`)}</ul>`
        : html`<p class="muted">There are none.</p>`}<//>
      ${writes && html`
        <form class="row" onSubmit=${(event) => { event.preventDefault(); add.run(event.target); }}>
          <label class="grow">URL <input name="url" type="url" required placeholder="https://example.org/hook" /></label>
          <button class="primary" disabled=${add.busy}>Add</button>
          <button type="button" disabled=${test.busy || !load.value?.items.length} onClick=${() => test.run()}>Send a test</button>
        </form>`}
      <p role="status">${test.done ? "A test event is on its way." : ""}</p>
      ${(add.error ?? test.error) && html`<p class="problem" role="alert">${(add.error ?? test.error).message}</p>`}
      ${gone && html`
        <${Confirm} title="Delete the webhook?" verb="Delete" close=${() => setGone(null)}
          act=${async () => { await remove([...path, gone.id]); load.reload(); }}>
          <p><bdi class="id">${gone.url}</bdi> receives nothing from then on; what is on its way is dropped.</p>
        <//>`}
    </section>`;
}

function Delivery({ delivery }) {
  if (!delivery) return html`<span class="muted">nothing was sent yet</span>`;
  const good = delivery.status_code >= 200 && delivery.status_code < 300;
  return html`<span class=${good ? "ok" : "problem"}>${good ? "delivered" : delivery.error ?? `answered ${delivery.status_code}`}
    ${" "}<${Time} at=${delivery.at} />${delivery.failures > 1 && `, ${delivery.failures} times in a row`}</span>`;
}
