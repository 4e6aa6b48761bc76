// Counts and last activity of a workspace, from its overview.
import { html } from "../../vendor/preact.js";
import { get } from "../api.js";
import { useEvery, useLoad } from "../load.js";
import { href } from "../router.js";
import { Time, number } from "./text.js";

const BUSY = 3; // seconds between two looks while there is background work
const QUIET = 30;

export function useOverview(workspace) {
  const overview = useLoad((signal) => get(["v3", "workspaces", workspace, "overview"], {}, signal), [workspace]);
  const { messages, queue } = overview.value ?? {};
  useEvery(messages === 0 || queue?.pending || queue?.in_progress ? BUSY : QUIET, overview.reload);
  return overview;
}

export const count = (overview, name) => overview.approximate.includes(name)
  ? `${number(overview[name])}+` : number(overview[name]);

const plural = (overview, name) => `${count(overview, name)} ${overview[name] === 1 ? name.slice(0, -1) : name}`;

export const Counts = ({ overview }) => html`
  ${["peers", "sessions", "messages", "conclusions"].map((name) => html`<span key=${name}>${plural(overview, name)}</span>`)}`;

export const LastActivity = ({ overview: { last_message_at: said, last_conclusion_at: learned } }) => html`
  <span>last message <${Time} at=${said} /></span><span>last learned <${Time} at=${learned} /></span>`;

// The background work in a few words, as a link to the queue.
export function QueueNote({ workspace, queue }) {
  const parts = [
    [queue.in_progress, "in progress"], [queue.pending, "waiting"], [queue.failed, "failed"],
  ].filter(([many]) => many).map(([many, what]) => `${number(many)} ${what}`);
  return html`<a class=${queue.failed ? "problem" : ""} href=${href(["w", workspace, "queue"])}>${parts.length
    ? `Queue: ${parts.join(", ")}` : "Queue: nothing to do"}</a>`;
}
