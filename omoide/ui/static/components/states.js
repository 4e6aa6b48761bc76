// The states that every view has: loading, error, empty. Each says what to do.
import { html } from "../../vendor/preact.js";
import { key } from "../api.js";

export const Loading = ({ what = "" }) => html`<p class="state" role="status">Loading ${what}…</p>`;

export const Empty = ({ title, children }) => html`
  <div class="state empty"><p class="state-title">${title}</p>${children && html`<div>${children}</div>`}</div>`;

const HINTS = {
  0: "Start it with “omoide serve”, then try again.",
  403: "This page was opened under an address that the server does not accept.",
  404: "It may have been deleted, or the address is wrong.",
  422: "The address or a field has a value that the server does not take: correct it.",
  429: "The server limits the requests of each caller. Wait a moment.",
  503: "The server is busy or a part of it is down: see its health on the first page.",
  507: "The disk of the server is full.",
};

export function ErrorView({ error, retry }) {
  if (error.status === 401) return html`<${NeedsKey} detail=${error.message} />`;
  return html`
    <div class="state error" role="alert">
      <p class="state-title">${error.message}</p>
      <p>${HINTS[error.status] ?? "Try again; if it stays, look at the server's log."}</p>
      ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
    </div>`;
}

function NeedsKey({ detail }) {
  const enter = (event) => {
    event.preventDefault();
    key.set(new FormData(event.target).get("key").trim());
  };
  return html`
    <div class="state">
      <p class="state-title">${key.get() ? "This key does not open it." : "This server asks for a key."}</p>
      <p class="muted">${detail}</p>
      <form class="row" onSubmit=${enter}>
        <label>Key <input name="key" type="password" autocomplete="off" required spellcheck="false" /></label>
        <button class="primary">Use this key</button>
      </form>
      <p class="muted">It is kept in this tab only. The operator makes one with “omoide keys”.</p>
    </div>`;
}

// Shows what `load` (of useLoad) holds: <${Loaded} load=${load} what="peers">${(value) => …}<//>
export function Loaded({ load, what, children }) {
  if (load.error) return html`<${ErrorView} error=${load.error} retry=${load.reload} />`;
  if (load.value === undefined) return html`<${Loading} what=${what} />`;
  return children(load.value);
}
