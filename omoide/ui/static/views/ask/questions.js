// The questions that were asked in this tab, newest first, with their answers as they come. They are kept in memory only,
// so going to a source and back loses none; an answer goes on while another view is open.
import { useEffect, useReducer } from "../../../vendor/preact.js";
import { ApiError, events } from "../../api.js";

const KEPT = 50;
const asked = new Map(); // workspace → questions
const listeners = new Set();
let count = 0;

const changed = () => listeners.forEach((listener) => listener());

export function useQuestions(workspace) {
  const [, draw] = useReducer((round) => round + 1, 0);
  useEffect(() => {
    listeners.add(draw);
    return () => listeners.delete(draw);
  }, []);
  return asked.get(workspace) ?? [];
}

export function forget(workspace) {
  asked.get(workspace)?.forEach(({ stop }) => stop());
  asked.delete(workspace);
  changed();
}

// `form`: {q, peer, target, session, scope, level}. A question is {id, form, at, state, answer, evidence, error, stop};
// its state is one of asking, done, stopped, failed.
export function ask(workspace, form) {
  const control = new AbortController();
  const question = { id: count += 1, form, at: new Date(), state: "asking", answer: "", evidence: null, error: null,
    stop: () => control.abort() };
  asked.set(workspace, [question, ...asked.get(workspace) ?? []].slice(0, KEPT));
  changed();
  answer(question, workspace, control.signal).catch((error) => {
    question.state = error.name === "AbortError" ? "stopped" : "failed";
    question.error = error;
  }).finally(changed);
}

async function answer(question, workspace, signal) {
  const { q, peer, target, session, scope, level } = question.form;
  const path = ["v3", "workspaces", workspace, ...peer ? ["peers", peer] : [], "chat"];
  const body = { query: q, stream: true, include_evidence: true, session_id: session || null, scope: scope || null,
    reasoning_level: level, ...peer && target ? { target } : {} };
  for await (const event of events(path, body, signal)) {
    if (event.error) throw new ApiError(500, sentence(event.error.detail));
    question.answer += event.delta?.content ?? "";
    question.evidence = event.evidence ?? question.evidence;
    if (event.done) question.state = "done";
    changed();
  }
  if (question.state !== "done") throw new ApiError(500, "The answer was cut off: the server ended it early.");
}

const sentence = (detail) => typeof detail === "string" ? detail : detail.map(({ msg }) => msg).join("; ");
