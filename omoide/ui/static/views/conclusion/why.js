// Why the server believes a conclusion, or does so no longer, in plain words: no more than its sources and history say.
import { counted, moment } from "../../components/text.js";

// How a version came about: the first of its events. Undefined if that is not in the history that was loaded.
export const originOf = ({ versions }, id) => versions.find(({ conclusion }) => conclusion.id === id)?.events.at(-1);

// Whether somebody wrote it through the API, in its place of what was said or by itself.
export const isWritten = (origin) => Boolean(origin) && ["stated", "corrected"].includes(origin.kind)
  && !origin.message_ids.length;

// `tree`: an answer of …/sources; `origin`: of originOf.
export function why(tree, origin) {
  const { conclusion } = tree;
  const begin = isWritten(origin) ? written(origin) : derived(tree) ?? said(tree);
  return [begin, fate(conclusion)].filter(Boolean).join(" ");
}

const written = ({ kind, at, reason }) => kind === "corrected"
  ? `Somebody corrected what was concluded, on ${moment(at)}${reason ? ` (“${reason}”)` : ""}.`
  : `Somebody wrote it through the API, on ${moment(at)}.`;

function derived({ conclusion: { level }, messages, sources }) {
  const many = sources.length;
  if (level === "explicit") return null;
  if (!many) return messages.length ? `It was derived from ${counted(messages.length, "message")}.` : null;
  if (level === "contradiction") return `These ${many} statements cannot both hold.`;
  return level === "inductive" ? `It is a pattern over ${counted(many, "conclusion")}.`
    : `It follows from ${counted(many, "conclusion")}.`;
}

function said({ messages, merged, truncated }) {
  if (!messages.length) {
    return merged.length ? `${counted(merged.length, "conclusion")} that said the same became this one.`
      : "What it came from is no longer there.";
  }
  const speakers = [...new Set(messages.map((message) => message.peer_id))].join(" and ");
  const last = moment(messages[0].created_at);
  return messages.length === 1 && !truncated ? `${speakers} said it on ${last}.`
    : `${speakers} said it in ${counted(messages.length, "message")}${truncated ? " or more" : ""}, last on ${last}.`;
}

function fate({ status = "current", ended_at: ended, superseded_by: by }) {
  const when = ended ? moment(ended) : "";
  if (status === "superseded") return `It is no longer held${when && ` since ${when}`}: ${by ? "something newer was said." : "it has ended."}`;
  if (status === "invalid") return `It was never true: it was corrected${when && ` on ${when}`}.`;
  return status === "merged" ? `It became part of another conclusion, which says the same${when && `, on ${when}`}.` : "";
}
