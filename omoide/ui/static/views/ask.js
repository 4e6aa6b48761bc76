// Questions to a peer or to the whole workspace: the answer as it comes, with what was read for it.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { IdField } from "../components/fields.js";
import { ErrorView } from "../components/states.js";
import { CopyButton, Id, Text } from "../components/text.js";
import { href, replaceQuery } from "../router.js";
import { useServer } from "../server.js";
import { Evidence } from "./ask/evidence.js";
import { ask, forget, useQuestions } from "./ask/questions.js";
import { Answer } from "./ask/quotes.js";

const LEVELS = ["minimal", "low", "medium", "high", "max"];
const DEFAULT = "low";

export default function Ask({ workspace, query }) {
  const questions = useQuestions(workspace);
  return html`
    <h1>Ask <${Id}>${workspace}<//></h1>
    <${Form} workspace=${workspace} query=${query} />
    <p class="hidden" role="status">${announced(questions[0])}</p>
    ${questions.length > 0 && html`
      <div class="row filters"><h2 class="grow">Asked in this tab</h2>
        <button type="button" onClick=${() => forget(workspace)}>Forget all</button></div>`}
    ${questions.map((question) => html`<${Question} key=${question.id} workspace=${workspace} question=${question} />`)}`;
}

// For a screen reader: when it begins and, at once, what the whole answer is; not each word of the stream.
function announced(question) {
  if (!question) return "";
  return { asking: "Answering…", done: `Answer: ${question.answer}`, stopped: "Stopped.", failed: "" }[question.state];
}

function Form({ workspace, query }) {
  const { model } = useServer();
  const { peer = "", target = "", session = "", scope = "" } = query;
  const [text, setText] = useState(query.q ?? "");
  useEffect(() => setText(query.q ?? ""), [query.q]);
  const level = LEVELS.includes(query.level) ? query.level : DEFAULT;
  const submit = (event) => {
    event.preventDefault();
    const q = text.trim();
    if (!q) return;
    replaceQuery({ q });
    ask(workspace, { q, peer, target, session, scope, level });
  };
  const sendWithEnter = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  };
  const field = (kind, name, label, value, hint) => html`<${IdField} workspace=${workspace} kind=${kind} label=${label}
    value=${value} hint=${hint} change=${(id) => replaceQuery({ [name]: id })} />`;
  return html`
    <form class="card controls" onSubmit=${submit}>
      <label class="whole"><span>Question <span class="muted">(Enter asks, Shift+Enter begins a line)</span></span>
        <textarea rows="2" class="short" required maxlength="10000" value=${text} onInput=${(event) => setText(event.target.value)}
          onKeyDown=${sendWithEnter} /></label>
      ${field("peers", "peer", "Ask peer", peer, "the whole workspace")}
      ${peer && field("peers", "target", "about peer", target, peer)}
      ${field("sessions", "session", "in session", session, "any")}
      ${field("scopes", "scope", "within scope", scope, "none")}
      <label>Level
        <select value=${level} onChange=${({ target: { value } }) => replaceQuery({ level: value === DEFAULT ? null : value })}>
          ${LEVELS.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>
      <button class="primary">Ask</button>
      ${model && html`<p class="muted whole">A language model answers; higher levels take longer and cost more tokens.</p>`}
    </form>`;
}

function Question({ workspace, question }) {
  const { form, state, answer, evidence, error } = question;
  return html`
    <article class="card question" aria-busy=${state === "asking"}>
      <h3><${Text} shown=${400}>${form.q}<//></h3>
      <p class="meta">${Object.entries(told(form)).map(([name, value]) => html`
        <span key=${name}>${name} <${Id}>${value}<//></span>`)}
        <a href=${href(["w", workspace, "ask"], form)}>Use this question again</a></p>
      <div class=${evidence ? "columns" : ""}>
        <div>
          ${answer && html`<${Answer} workspace=${workspace} answer=${answer} messages=${evidence?.messages} />`}
          ${state === "asking" && html`<p class="row"><span class="muted">${answer ? "…" : "Answering…"}</span>
            <button type="button" onClick=${question.stop}>Stop</button></p>`}
          ${state === "stopped" && html`<p class="muted">Stopped here.</p>`}
          ${state === "failed" && html`<${ErrorView} error=${error} retry=${() => ask(workspace, form)} />`}
          ${state === "done" && (answer ? html`<p><${CopyButton} text=${answer} label="Copy the answer" /></p>`
            : html`<p class="muted">The answer is empty.</p>`)}
        </div>
        ${evidence && html`<${Evidence} workspace=${workspace} evidence=${evidence} answer=${answer} />`}
      </div>
    </article>`;
}

const NAMES = { peer: "asked", target: "about", session: "in session", scope: "within scope", level: "at level" };

const told = (form) => Object.fromEntries(Object.entries(NAMES).map(([name, title]) => [title, form[name]])
  .filter(([, value]) => value));
