// The chain of a conclusion as a tree: down to the messages that it comes from, up to what follows from it.
import { html } from "../../vendor/preact.js";
import { href } from "../router.js";
import { Level, Status } from "./conclusion_row.js";
import { MessageView } from "./message.js";
import { Id, Text } from "./text.js";

const SHOWN = 400; // characters of a text in a tree

// `tree`: {conclusion, repeated, …}; `children`: what is below it.
const Node = ({ workspace, tree: { conclusion, repeated }, note, children }) => html`
  <p><a class="statement" href=${href(["w", workspace, "conclusions", conclusion.id])}><${Text}
    shown=${SHOWN} more=${false}>${conclusion.content}<//></a></p>
  <p class="meta"><${Level} level=${conclusion.level} /> <${Status} conclusion=${conclusion} />
    ${note && html`<span>${note}</span>`}
    ${conclusion.observer_id !== conclusion.observed_id && html`<span>held by <${Id}>${conclusion.observer_id}<//></span>`}
    ${repeated && html`<span>shown above with what belongs to it</span>`}</p>
  ${children}`;

// Everything that a conclusion comes from: an answer of …/sources.
export const SourceTree = ({ workspace, tree: { messages, sources, merged } }) => html`
  <ul class="tree">
    ${messages.map((message) => html`
      <li key=${message.id}><${MessageView} workspace=${workspace} message=${message} showSession /></li>`)}
    ${sources.map((tree) => html`<${SourceItem} key=${tree.conclusion.id} ...${{ workspace, tree }} />`)}
    ${merged.map((tree) => html`
      <${SourceItem} key=${tree.conclusion.id} ...${{ workspace, tree }} note="says the same, and became part of it" />`)}
  </ul>`;

const SourceItem = ({ workspace, tree, note }) => html`
  <li><${Node} ...${{ workspace, tree, note }}>
    ${tree.messages.length + tree.sources.length + tree.merged.length > 0 && html`
      <${SourceTree} workspace=${workspace} tree=${tree} />`}<//></li>`;

// Everything that follows from it: an answer of …/consequences, without its contradictions.
export const ConsequenceTree = ({ workspace, trees, note }) => html`
  <ul class="tree">${trees.map((tree) => html`
    <li key=${tree.conclusion.id}><${Node} ...${{ workspace, tree, note }}>
      ${below(tree).map(([trees, note]) => html`
        <${ConsequenceTree} key=${note} ...${{ workspace, trees, note }} />`)}<//></li>`)}</ul>`;

const below = ({ consequences, contradictions, merged_into: into }) => [
  [consequences, null], [contradictions, "contradiction"], [into ? [into] : [], "in which it is contained"],
].filter(([trees]) => trees.length);
