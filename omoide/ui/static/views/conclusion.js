// A conclusion: why the server believes it, down to the messages; what follows from it; its history; how to put it right.
import { html, useState } from "../../vendor/preact.js";
import { get } from "../api.js";
import { ConsequenceTree, SourceTree } from "../components/chain.js";
import { LEVELS, Level, Status } from "../components/conclusion_row.js";
import { Loaded } from "../components/states.js";
import { Id, Text, Time, number } from "../components/text.js";
import { useLoad } from "../load.js";
import { href } from "../router.js";
import { useServer } from "../server.js";
import { Actions } from "./conclusion/actions.js";
import { History } from "./conclusion/history.js";
import { isWritten, originOf, why } from "./conclusion/why.js";

const FEW = 30; // conclusions and messages in a tree, at first
const ALL = 200; // the most that the API gives
const VERSIONS = 25;

export default function Conclusion({ workspace, conclusion: id }) {
  const [most, setMost] = useState(FEW);
  const path = ["v3", "workspaces", workspace, "conclusions", id];
  const loaded = useLoad((signal) => Promise.all([
    get([...path, "sources"], { max_nodes: most }, signal), get([...path, "history"], { max_versions: VERSIONS }, signal),
  ]), [workspace, id, most]);
  const statement = loaded.value?.[0].conclusion.content;
  const { ui_writes: writes } = useServer();
  return html`
    ${loaded.value && html`<p class="muted above">Conclusion</p>`}
    <h1>${loaded.value ? html`<${Text} shown=${300}>${statement}<//>` : "Conclusion"}</h1>
    <${Loaded} load=${loaded} what="the conclusion">${([tree, history]) => html`
      <${Head} ...${{ workspace, tree, writes }} origin=${originOf(history, id)} />
      <section class="part" aria-labelledby="down"><h2 id="down">Where it comes from</h2>
        ${isWritten(originOf(history, id)) && !isEmpty(tree) && html`<p class="muted">What is behind the statement that it corrects:</p>`}
        ${isEmpty(tree) ? html`<p class="muted">No message and no other conclusion is behind it.</p>`
          : html`<${SourceTree} ...${{ workspace, tree }} />`}
        <${More} ...${{ tree, most, setMost }} />
      </section>
      <${Consequences} ...${{ workspace, path, id }} />
      <section class="part" aria-labelledby="history"><h2 id="history">History</h2>
        <${History} ...${{ workspace, id, history }} /></section>`}<//>`;
}

const More = ({ tree, most, setMost }) => tree.truncated && (most < ALL
  ? html`<button type="button" onClick=${() => setMost(ALL)}>Show more</button>`
  : html`<p class="muted">There is more than is shown here.</p>`);

const isEmpty = ({ messages, sources, merged }) => !messages.length && !sources.length && !merged.length;

function Head({ workspace, tree, writes, origin }) {
  const { conclusion } = tree;
  const { observer_id: observer, observed_id: observed, superseded_by: by } = conclusion;
  const peer = (id, query) => html`<a href=${href(["w", workspace, "peers", id], query)}><${Id}>${id}<//></a>`;
  return html`
    <div class="card">
      <p class="why">${why(tree, origin)}${by && html` <a href=${href(["w", workspace, "conclusions", by])}>What took its place</a>`}</p>
      <dl>
        <dt>Status</dt><dd>${(conclusion.status ?? "current") === "current" ? "current: it holds, as far as is known"
          : html`<${Status} conclusion=${conclusion} />`}</dd>
        <dt>Level</dt><dd><${Level} level=${conclusion.level} /> ${!isWritten(origin) && LEVELS[conclusion.level]}</dd>
        <dt>About</dt><dd>${peer(observed, { observer: observer === observed ? null : observer, tab: "conclusions" })}</dd>
        <dt>Held by</dt><dd>${peer(observer, {})}${observer === observed && " (the peer itself)"}</dd>
        ${!isWritten(origin) && html`<dt>Last said</dt><dd><${Time} at=${conclusion.said_at ?? conclusion.created_at} exact />
          ${conclusion.times_derived > 1 && ` (${number(conclusion.times_derived)} times)`}</dd>`}
        <dt>Learned</dt><dd><${Time} at=${conclusion.created_at} exact /></dd>
        ${conclusion.valid_from && html`<dt>Holds from</dt><dd><${Time} at=${conclusion.valid_from} exact /></dd>`}
        ${conclusion.valid_until && html`<dt>Held until</dt><dd><${Time} at=${conclusion.valid_until} exact /></dd>`}
      </dl>
      ${writes && html`<${Actions} ...${{ workspace, conclusion }} />`}
    </div>`;
}

function Consequences({ workspace, path, id }) {
  const [most, setMost] = useState(FEW);
  const load = useLoad((signal) => get([...path, "consequences"], { max_nodes: most }, signal), [workspace, id, most]);
  return html`
    <section class="part" aria-labelledby="up"><h2 id="up">What follows from it</h2>
      <${Loaded} load=${load} what="what follows">${(tree) => html`
        ${tree.contradictions.length > 0 && html`<h3>It contradicts something else</h3>
          <${ConsequenceTree} ...${{ workspace, trees: tree.contradictions }} />`}
        ${tree.consequences.length > 0 && html`<h3>Derived from it</h3>
          <${ConsequenceTree} ...${{ workspace, trees: tree.consequences }} />`}
        ${tree.merged_into && html`<h3>Became part of</h3>
          <${ConsequenceTree} ...${{ workspace, trees: [tree.merged_into] }} />`}
        ${tree.card_lines.length > 0 && html`<h3>Lines of the card that rest on it</h3>
          <ul class="card-lines">${tree.card_lines.map(({ observer_id: observer, observed_id: observed, line }) => html`
            <li key=${`${observer} ${observed} ${line}`}><a href=${href(["w", workspace, "peers", observed],
              { observer: observer === observed ? null : observer })}><${Text}>${line}<//></a>
              ${observer !== observed && html`<span class="meta">kept by <${Id}>${observer}<//></span>`}</li>`)}</ul>`}
        ${!tree.contradictions.length && !tree.consequences.length && !tree.merged_into && !tree.card_lines.length
          && html`<p class="muted">Nothing rests on it.</p>`}
        <${More} ...${{ tree, most, setMost }} />`}<//>
    </section>`;
}
