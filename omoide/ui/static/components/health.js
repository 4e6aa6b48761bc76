// The health of the server, part by part, as /ready reports it; asked again every few seconds.
import { html } from "../../vendor/preact.js";
import { url } from "../api.js";
import { useEvery, useLoad } from "../load.js";
import { ErrorView } from "./states.js";

const SECONDS = 10; // between two looks
const UNWELL = 2; // while not all parts work, as just after the start
const NAMES = { wal: "write-ahead log" };
const SUMMARIES = {
  ok: "All parts of the server work.",
  degraded: "The server works, but not as it should.",
  down: "A part of the server is down.",
};

// A server that is down answers 503 with the same body, which is no error here.
async function readiness(signal) {
  const response = await fetch(url(["ready"]), { signal });
  return response.json();
}

export function Health() {
  const health = useLoad(readiness, []);
  useEvery(health.value?.status === "ok" ? SECONDS : UNWELL, health.reload);
  if (health.error) return html`<${ErrorView} error=${{ status: 0, message: "The server could not be reached." }}
    retry=${health.reload} />`;
  if (!health.value) return html`<p class="muted" role="status">Checking the server…</p>`;
  const { status, parts } = health.value;
  return html`
    <details class="card health" open=${status !== "ok"}>
      <summary><span class=${status} role="status">${SUMMARIES[status]}</span></summary>
      <table>
        <thead><tr><th scope="col">Part</th><th scope="col">State</th><th scope="col">Detail</th></tr></thead>
        <tbody>${Object.entries(parts).map(([name, part]) => html`
          <tr key=${name}><th scope="row">${NAMES[name] ?? name}</th><td><span class=${part.status}>${part.status}</span></td>
            <td>${part.detail}</td></tr>`)}</tbody>
      </table>
    </details>`;
}
