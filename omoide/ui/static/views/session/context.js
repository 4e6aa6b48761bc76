// What a model would get to continue the session within a budget of tokens, and what each part of it costs.
import { html, useState } from "../../../vendor/preact.js";
import { get } from "../../api.js";
import { IdField } from "../../components/fields.js";
import { MessageView } from "../../components/message.js";
import { ErrorView, Loading } from "../../components/states.js";
import { CopyButton, Text, number } from "../../components/text.js";
import { useDebounced, useLoad } from "../../load.js";
import { replaceQuery } from "../../router.js";
import { toAnthropic, toOpenAI } from "./formats.js";

// Up to what is sensible to read on a page; the API allows 100,000.
const BUDGETS = [100, 250, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000];
const DEFAULT = 2_000;
const SHOWN = 50; // messages at a time
const PARTS = [
  ["peer_representation", "Representation"], ["peer_card", "Card"], ["summary", "Summary"], ["messages", "Messages"],
];

export function ContextPreview({ path, workspace, session, query }) {
  const [budget, setBudget] = useState(nearest(Number(query.tokens) || DEFAULT));
  const settled = useDebounced(budget, 250);
  const { target, perspective } = query;
  const summary = query.summary !== "no";
  const load = useContextOf(path, { tokens: settled, peer_target: target, peer_perspective: target ? perspective : null, summary });
  const choose = (value) => {
    setBudget(value);
    replaceQuery({ tokens: value === DEFAULT ? null : value });
  };
  return html`
    <form class="card controls" onSubmit=${(event) => event.preventDefault()}>
      <label class="grow">Token budget: ${number(budget)}
        <input type="range" min="0" max=${BUDGETS.length - 1} value=${BUDGETS.indexOf(budget)}
          aria-valuetext=${`${number(budget)} tokens`} onInput=${(event) => choose(BUDGETS[event.target.value])} /></label>
      <${IdField} workspace=${workspace} kind="peers" label="What is known about" value=${target} hint="nobody"
        change=${(value) => replaceQuery({ target: value })} />
      ${target && html`<${IdField} workspace=${workspace} kind="peers" label="as seen by" value=${perspective} hint=${target}
        change=${(value) => replaceQuery({ perspective: value })} />`}
      <label class="check"><input type="checkbox" checked=${summary}
        onChange=${(event) => replaceQuery({ summary: event.target.checked ? null : "no" })} />with a summary</label>
    </form>
    ${load.error && html`<${ErrorView} error=${load.error} retry=${load.reload} />`}
    ${!load.error && !load.value && html`<${Loading} what="the context" />`}
    ${load.value && html`<${Shown} ...${{ workspace, session, context: load.value }} />`}`;
}

const nearest = (tokens) => BUDGETS.findLast((one) => one <= tokens) ?? BUDGETS[0];

const useContextOf = (path, asked) => useLoad(
  (signal) => get([...path, "context"], { ...asked, costs: true }, signal), [path.join("/"), ...Object.values(asked)]);

function Shown({ workspace, session, context }) {
  const { costs, peer_representation: representation, peer_card: card, summary } = context;
  return html`
    ${costs && html`<${Costs} costs=${costs} />`}
    <${Copies} context=${context} />
    ${representation && html`<${Part} title="Representation"><pre tabindex="0">${representation}</pre><//>`}
    ${card?.length > 0 && html`<${Part} title="Card">
      <ul class="lines">${card.map((line) => html`<li><${Text}>${line}<//></li>`)}</ul><//>`}
    ${summary && html`<${Part} title="Summary"><p><${Text}>${summary.content}<//></p><//>`}
    <${Part} title="Messages"><${Messages} workspace=${workspace} messages=${context.messages} /><//>`;
}

const Part = ({ title, children }) => html`<section class="card"><h2>${title}</h2>${children}</section>`;

// The bar shows the whole budget; a table has the numbers.
function Costs({ costs }) {
  const { total, budget } = costs;
  const share = (tokens) => `${Math.max(0, tokens / Math.max(budget, total, 1) * 100)}%`;
  return html`
    <section class="card" aria-live="polite">
      <h2>${number(total)} of ${number(budget)} tokens</h2>
      <div class="costs" aria-hidden="true">${PARTS.map(([name]) => html`
        <span key=${name} class=${`cost ${name}`} style=${`width: ${share(costs[name])}`}></span>`)}</div>
      <dl class="legend">${PARTS.map(([name, title]) => html`
        <div key=${name}><dt><span class=${`swatch ${name}`} aria-hidden="true"></span>${title}</dt>
          <dd>${number(costs[name])}</dd></div>`)}
        <div><dt>Left</dt><dd>${number(Math.max(0, budget - total))}</dd></div></dl>
    </section>`;
}

const shorten = (id) => id.length > 60 ? `${id.slice(0, 60)}…` : id;

function Copies({ context }) {
  const peers = [...new Set(context.messages.map(({ peer_id: peer }) => peer))];
  const [chosen, setChosen] = useState(null);
  const assistant = peers.includes(chosen) ? chosen : null;
  const text = (format) => () => JSON.stringify(format(context, assistant), null, 2);
  return html`
    <div class="row filters">
      <label>The assistant is
        <select value=${assistant ?? ""} onChange=${(event) => setChosen(event.target.value || null)}>
          <option value="">none of these peers</option>
          ${peers.map((peer) => html`<option key=${peer} value=${peer}>${shorten(peer)}</option>`)}
        </select></label>
      <${CopyButton} text=${text(toOpenAI)} label="Copy as OpenAI messages" />
      <${CopyButton} text=${text(toAnthropic)} label="Copy as Anthropic messages" />
    </div>`;
}

// The newest are last; of many, those before them are shown on demand.
function Messages({ workspace, messages }) {
  const [shown, setShown] = useState(SHOWN);
  if (!messages.length) return html`<p class="muted">None fit.</p>`;
  const hidden = Math.max(0, messages.length - shown);
  return html`
    ${hidden > 0 && html`<button type="button" onClick=${() => setShown(shown + SHOWN)}>
      Show ${Math.min(SHOWN, hidden)} of ${number(hidden)} earlier ones</button>`}
    ${messages.slice(hidden).map((message) => html`
      <${MessageView} key=${message.id} workspace=${workspace} message=${message} />`)}`;
}
