// The scopes of a workspace, and the sessions in each: named groups of sessions that learn only from these.
import { html, useState } from "../../vendor/preact.js";
import { get, post, remove } from "../api.js";
import { useAction, useLoad } from "../load.js";
import { href } from "../router.js";
import { Loaded } from "./states.js";
import { Time } from "./text.js";

export function Scopes({ workspace, writes }) {
  const path = ["v3", "workspaces", workspace, "scopes"];
  const [page, setPage] = useState(1);
  const load = useLoad((signal) => post([...path, "list"], {}, { query: { size: 20, page }, signal }), [workspace, page]);
  const [open, setOpen] = useState(null);
  const add = useAction(async (form) => {
    await post(path, { id: new FormData(form).get("id") });
    form.reset();
    load.reload();
  });
  return html`
    <section class="card" aria-labelledby="scopes">
      <h2 id="scopes">Scopes</h2>
      <p>A scope is a group of sessions. What is asked within it is answered from these sessions only.</p>
      <${Loaded} load=${load} what="scopes">${({ items, pages }) => html`
        ${!items.length && html`<p class="muted">There are none.</p>`}
        <ul class="lines">${items.map(({ id, created_at: created }) => html`<li key=${id}>
          <button type="button" class="link" aria-expanded=${open === id} onClick=${() => setOpen(open === id ? null : id)}>
            <bdi>${id}</bdi></button> <span class="muted">created <${Time} at=${created} /></span>
          ${open === id && html`<${ScopeSessions} workspace=${workspace} path=${[...path, id]} writes=${writes} />`}
        </li>`)}</ul>
        ${pages > 1 && html`<div class="row">
          <button type="button" disabled=${page === 1} onClick=${() => setPage(page - 1)}>Previous</button>
          <span>Page ${page} of ${pages}</span>
          <button type="button" disabled=${page === pages} onClick=${() => setPage(page + 1)}>Next</button></div>`}`}<//>
      ${writes && html`
        <form class="row" onSubmit=${(event) => { event.preventDefault(); add.run(event.target); }}>
          <label>Name of a new scope <input name="id" required pattern="[a-zA-Z0-9_\\-]+" maxlength="506" autocomplete="off" /></label>
          <button class="primary" disabled=${add.busy}>Create</button>
        </form>`}
      ${add.error && html`<p class="problem" role="alert">${add.error.message}</p>`}
    </section>`;
}

function ScopeSessions({ workspace, path, writes }) {
  const load = useLoad((signal) => Promise.all([
    post([...path, "sessions", "list"], {}, { query: { size: 50 }, signal }),
    get([...path, "status"], {}, signal),
  ]), path);
  const change = useAction(async (act) => {
    await act();
    load.reload();
  });
  const add = (form) => change.run(async () => {
    await post([...path, "sessions"], { session_ids: [new FormData(form).get("session")] });
    form.reset();
  });
  return html`
    <div class="inset">
      <${Loaded} load=${load} what="its sessions">${([{ items, total }, { backfill_status: copied }]) => html`
        <p class="muted">${total ? `${total} session${total === 1 ? "" : "s"}${total > items.length ? `, the first ${items.length} of them` : ""}` : "It has no sessions."}</p>
        <ul class="lines">${items.map(({ id }) => html`<li key=${id} class="row">
          <a class="grow" href=${href(["w", workspace, "sessions", id])}><bdi>${id}</bdi></a>
          ${copied[id] && html`<span class="muted">${copied[id].state === "completed" ? `${copied[id].docs_copied} conclusions copied` : `copying: ${copied[id].state}`}</span>`}
          ${writes && html`<button type="button" aria-label=${`Remove the session ${id}`} disabled=${change.busy}
            onClick=${() => change.run(() => remove([...path, "sessions", id]))}>Remove</button>`}</li>`)}</ul>`}<//>
      ${writes && html`
        <form class="row" onSubmit=${(event) => { event.preventDefault(); add(event.target); }}>
          <label>Session <input name="session" required maxlength="512" autocomplete="off" spellcheck="false" /></label>
          <button disabled=${change.busy}>Add</button>
        </form>`}
      ${change.error && html`<p class="problem" role="alert">${change.error.message}</p>`}
    </div>`;
}
