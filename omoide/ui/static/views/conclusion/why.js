// Why the server believes a conclusion, or does so no longer, in one or two plain sentences.
import { counted, moment } from "../../components/text.js";

// `tree`: an answer of …/sources.
export function why({ conclusion, messages, sources, merged, truncated }) {
  return `${origin(conclusion, messages, sources, merged, truncated)} ${fate(conclusion)}`.trim();
}

function origin({ level, times_derived: times }, messages, sources, merged, truncated) {
  if (level === "deductive" && sources.length) return `It follows from ${counted(sources.length, "conclusion")}.`;
  if (level === "inductive" && sources.length) return `It is a pattern over ${counted(sources.length, "conclusion")}.`;
  if (level === "contradiction" && sources.length) return `These ${sources.length} statements cannot both hold.`;
  if (messages.length) {
    const speakers = [...new Set(messages.map((message) => message.peer_id))].join(" and ");
    const last = moment(messages[0].created_at);
    if (messages.length === 1) return `${speakers} said it on ${last}${times > 1 ? ", several times in one message" : ""}.`;
    return `${speakers} said it in ${messages.length} messages${truncated ? " or more" : ""}, last on ${last}.`;
  }
  if (merged.length) return `${counted(merged.length, "conclusion")} that said the same became this one.`;
  return "No message is behind it any more: it was written through the API, or corrected, or its messages were deleted.";
}

function fate({ status = "current", ended_at: ended, superseded_by: by }) {
  const since = ended ? ` since ${moment(ended)}` : "";
  if (status === "superseded") return `It is no longer held${since}: ${by ? "something newer was said." : "it has ended."}`;
  if (status === "invalid") return `It was never true: it was corrected${ended ? ` on ${moment(ended)}` : ""}.`;
  if (status === "merged") return "Another conclusion says the same in better words, and took its place.";
  return "";
}
