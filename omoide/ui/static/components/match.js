// Why a search found something: in words, and in numbers on demand.
import { html } from "../../vendor/preact.js";

const REASONS = {
  words: "It has words of the query.",
  meaning: "It means something similar.",
  exact: "It has the query's words with signs as they are, such as user_id.",
  verbatim: "It contains the query as it is.",
  neighbour: "It was said next to something that matches.",
  speaker: "It was said by the peer that the query names.",
  reranked: "It was read together with the query, and ordered by how well it answers.",
  newest: "The query is empty: these are the newest.",
};

const NUMBERS = [
  ["rank", "Place here", (value) => value],
  ["words_rank", "Place by words", (value) => value],
  ["meaning_rank", "Place by meaning", (value) => value],
  ["distance", "Distance in meaning (0: the same)", (value) => value.toFixed(3)],
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
