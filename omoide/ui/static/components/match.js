// Why a search found something: in words, and in numbers on demand.
import { html } from "../../vendor/preact.js";

const REASONS = {
  words: "It, or the id of who said it, has words of the query.",
  meaning: "It means something similar.",
  exact: "It has parts of the query exactly as they are, such as user_id.",
  verbatim: "It contains the whole query, and so it comes first.",
  neighbour: "What was said just before or after it matches.",
  speaker: "The query names who said it.",
  reranked: "It was read together with the query, which decided its place.",
  newest: "The query is empty: these are the newest.",
};

const NUMBERS = [
  ["rank", "Place here", String],
  ["words_rank", "Place by words", String],
  ["meaning_rank", "Place by meaning", String],
  ["distance", "Distance in meaning (0 is the same, 2 the farthest)", (value) => value.toFixed(3)],
  ["rerank_score", "Score of reading both (about −11 to 11)", (value) => value.toFixed(2)],
];

// `match`: what the API says with `explain`.
export function Match({ match }) {
  if (!match) return null;
  const numbers = NUMBERS.filter(([name]) => typeof match[name] === "number");
  return html`
    <details class="match">
      <summary><span class="hidden">Found by:</span> ${match.reasons.map((reason) => html`
        <span key=${reason} class="badge">${reason}</span> `)}</summary>
      <ul>${match.reasons.map((reason) => html`<li key=${reason}><strong>${reason}</strong>: ${REASONS[reason] ?? ""}</li>`)}</ul>
      <dl>${numbers.map(([name, title, shown]) => html`<dt>${title}</dt><dd>${shown(match[name])}</dd>`)}</dl>
    </details>`;
}
