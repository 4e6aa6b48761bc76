// What was read for an answer: conclusions and messages, each with a link to its place.
import { html, useRef, useState } from "../../../vendor/preact.js";
import { Level } from "../../components/conclusion_row.js";
import { messageHref } from "../../components/message.js";
import { Id, Text, Time, number } from "../../components/text.js";
import { href } from "../../router.js";
import { messageOf, quotesOf } from "./quotes.js";

const SHOWN = 5;

export function Evidence({ workspace, evidence, answer }) {
  const { conclusions, messages, tool_calls: calls } = evidence;
  const quotes = new Set(quotesOf(answer).map((quote) => messageOf(quote, messages)?.id));
  const isTold = ({ quoted, content }) => quoted || answer.toLowerCase().includes(content.toLowerCase());
  const sources = new Set(conclusions.filter(isTold).flatMap(({ message_ids: ids }) => ids));
  const isQuoted = ({ quoted, id }) => quoted || quotes.has(id);
  const isUsed = (message) => isQuoted(message) || sources.has(message.id);
  return html`
    <div class="evidence" role="group" aria-label="What was read for this answer">
      <${Part} title="Messages" items=${first(first(messages, isUsed), isQuoted)} none="No message was read." row=${(message) => html`
        “<a href=${messageHref(workspace, message)}><${Text} shown=${240} more=${false}>${message.content || "(empty)"}<//></a>”
        <p class="meta"><${Id}>${message.peer_id}<//> <${Time} at=${message.created_at} exact />
          ${isUsed(message) && html`<span class="badge">${isQuoted(message) ? "quoted" : "behind the answer"}</span>`}</p>`} />
      <${Part} title="Conclusions" items=${first(conclusions, isTold)} none="No conclusion was read." row=${(conclusion) => html`
        <a href=${href(["w", workspace, "conclusions", conclusion.id])}><${Text} shown=${240} more=${false}>${conclusion.content}<//></a>
        <p class="meta"><${Level} level=${conclusion.level} /> <${Time} at=${conclusion.created_at} exact />
          ${isTold(conclusion) && html`<span class="badge">in the answer</span>`}</p>`} />
      ${calls.length > 0 && html`
        <details><summary>${calls.length === 1 ? "1 step" : `${number(calls.length)} steps`}</summary>
          <ol class="steps">${calls.map((call) => html`<li><code>${call.tool_name}</code>
            <code class="text">${shorten(JSON.stringify(call.tool_input))}</code></li>`)}</ol></details>`}
    </div>`;
}

// Those for which `test` holds come first; the order is kept otherwise.
const first = (items, test) => [...items.filter(test), ...items.filter((item) => !test(item))];

const shorten = (text) => text.length > 300 ? `${text.slice(0, 300)}…` : text;

function Part({ title, items, none, row }) {
  const [all, setAll] = useState(false);
  const list = useRef(null);
  return html`
    <section>
      <h3>${title} <span class="muted">${number(items.length)}</span></h3>
      ${!items.length && html`<p class="muted">${none}</p>`}
      <ul tabindex="-1" ref=${list}>${items.slice(0, all ? items.length : SHOWN).map((item) => html`<li key=${item.id}>${row(item)}</li>`)}</ul>
      ${!all && items.length > SHOWN && html`
        <button type="button" class="link" onClick=${() => { list.current.focus(); setAll(true); }}>Show all ${number(items.length)}</button>`}
    </section>`;
}
