// The tokens that models used for a workspace, by day and task, and its budget. Nothing where no model was ever used.
import { html } from "../../vendor/preact.js";
import { get } from "../api.js";
import { useLoad } from "../load.js";
import { useServer } from "../server.js";
import { Chart } from "./chart.js";
import { Loaded } from "./states.js";
import { Time, number } from "./text.js";

const DAYS = 30;
const COLOURS = 6; // ink-0 … ink-5 in the style sheet

export function Usage({ workspace }) {
  const { model } = useServer();
  const usage = useLoad((signal) => get(["v3", "workspaces", workspace, "usage"], {}, signal), [workspace]);
  if (!model && !usage.error && !usage.value?.items.length) return null;
  return html`
    <section class="part" aria-labelledby="usage"><h2 id="usage">Tokens of the last ${DAYS} days</h2>
      <${Loaded} load=${usage} what="usage">${({ budget, items }) => html`
        <${Budget} budget=${budget} />
        ${items.length ? html`<${Days} items=${items} />` : html`<p class="muted">No model was used in this time.</p>`}`}<//>
    </section>`;
}

const Budget = ({ budget: { tokens_per_day: most, used_today: used, paused_until: paused } }) => html`
  <p>${number(used)} tokens of language models today${most ? ` of ${number(most)} that a day may take` : ""}.
    ${paused && html` <strong class="warn">The budget is spent: reasoning goes on <${Time} at=${paused} />.</strong>`}</p>`;

const tokens = ({ input_tokens: read, output_tokens: written }) => read + written;

function Days({ items }) {
  const today = Date.parse(new Date().toISOString().slice(0, 10)) / 1000;
  const times = Array.from({ length: DAYS }, (_, index) => today - (DAYS - 1 - index) * 86_400);
  const dayOf = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
  const byTask = Map.groupBy(items, ({ task }) => task);
  const series = [...byTask].map(([name, used], index) => ({
    name, colour: index % COLOURS,
    values: times.map((time) => used.reduce((sum, item) => sum + (item.day === dayOf(time) ? tokens(item) : 0), 0)),
  }));
  const describe = (index) => `${dayOf(times[index])}: ${series.filter(({ values }) => values[index])
    .map(({ name, values }) => `${name} ${number(values[index])}`).join(", ") || "none"}`;
  return html`
    <${Chart} times=${times} series=${series} describe=${describe} utc />
    <details><summary>As a table</summary><div class="scroll" tabindex="0" role="region" aria-label="Tokens by day"><table>
      <thead><tr><th scope="col">Day (UTC)</th><th scope="col">Task</th><th scope="col">Model</th>
        <th scope="col" class="number">Calls</th><th scope="col" class="number">Input</th>
        <th scope="col" class="number">Output</th></tr></thead>
      <tbody>${items.toReversed().map((item) => html`
        <tr key=${`${item.day} ${item.task} ${item.model}`}><td>${item.day}</td><td>${item.task}</td><td>${item.model}</td>
          <td class="number">${number(item.calls)}</td><td class="number">${number(item.input_tokens)}</td>
          <td class="number">${number(item.output_tokens)}</td></tr>`)}</tbody>
    </table></div></details>`;
}
