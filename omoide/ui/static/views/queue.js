// The background work of a workspace: what waits and why, what runs, what failed and with which error.
import { html, useState } from "../../vendor/preact.js";
import { get, post } from "../api.js";
import { ChoiceField } from "../components/fields.js";
import { PagedList } from "../components/paged_list.js";
import { Empty } from "../components/states.js";
import { Id, Text, Time, counted, number } from "../components/text.js";
import { useAction, useEvery, useLater, useLoad } from "../load.js";
import { href } from "../router.js";
import { useServer } from "../server.js";

const SECONDS = 3; // between two looks
const STATES = [["", "All"], ["failed", "Failed"], ["in_progress", "In progress"], ["pending", "Waiting"]];
const STATE_NAMES = { failed: "failed", in_progress: "in progress", pending: "waiting" };
const KINDS = {
  representation: "Learn from messages", summary: "Summarize a session", dream: "Dream", embed: "Embed texts",
  deliver_webhook: "Deliver a webhook", merge_peers: "Merge two peers", scope_backfill: "Fill a scope",
  scope_removal: "Take sessions out of a scope", purge_session: "Delete a session", purge_peer: "Delete a peer",
  purge_workspace: "Delete a workspace", purge_conclusions: "Delete conclusions", erase: "Erase deleted texts",
};

export default function Queue({ workspace, query }) {
  const { state } = query;
  const path = ["v3", "workspaces", workspace, "queue"];
  const { ui_writes: writes } = useServer();
  const [version, setVersion] = useState(0);
  const look = () => setVersion((count) => count + 1);
  useEvery(SECONDS, look);
  const load = (page, size, signal) => post([...path, "list"], state ? { state } : {}, { query: { page, size }, signal });
  return html`
    <h1>Queue</h1>
    <p class="muted">Messages are learned from in the background. With a language model they are gathered for minutes
      first; failed jobs are not tried again by themselves.</p>
    <div class="row filters"><${ChoiceField} query=${query} name="state" label="State" options=${STATES} />
      ${writes && html`<${Actions} ...${{ workspace, path, version, look }} />`}</div>
    <${PagedList} label="jobs" load=${load} inputs=${[workspace, state]} size=${25} estimate=${90} version=${version}
      row=${(job) => html`<${Job} ...${{ workspace, job, path, look, writes }} />`}
      empty=${html`<${Empty} title=${state ? "No job is in this state." : "Nothing to do: all work is done."} />`} />`;
}

function Actions({ workspace, path, version, look }) {
  const counts = useLoad((signal) => get(["v3", "workspaces", workspace, "overview"], {}, signal)
    .then(({ queue }) => queue), [workspace]);
  useLater(version, counts.reload);
  const act = useAction(async (name, told) => {
    const { count } = await post([...path, name]);
    look();
    return told(count);
  });
  const [told, setTold] = useState("");
  const run = async (...values) => setTold(await act.run(...values) ?? "");
  const { failed = 0, pending = 0 } = counts.value ?? {};
  return html`
    <button type="button" disabled=${act.busy || !pending}
      onClick=${() => run("flush", (count) => `${counted(count, "job")} will not wait for more messages.`)}>
      Process gathered messages now</button>
    <button type="button" disabled=${act.busy || !failed}
      onClick=${() => run("retry", (count) => `${counted(count, "job")} will be tried again.`)}>
      Try ${failed ? `${number(failed)} failed` : "failed ones"} again</button>
    <span role="status">${told}</span>
    ${act.error && html`<span class="problem" role="alert">${act.error.message}</span>`}`;
}

function Job({ workspace, job, path, look, writes }) {
  const retry = useAction(async () => {
    await post([...path, "retry"], { ids: [job.id] });
    look();
  });
  const { waits_for: wait } = job;
  return html`
    <p><strong>${KINDS[job.kind] ?? job.kind.replaceAll("_", " ")}</strong>${" "}
      <span class=${`badge job-${job.state}`}>${STATE_NAMES[job.state]}</span>${" "}
      ${writes && job.state === "failed" && html`
        <button type="button" disabled=${retry.busy} onClick=${retry.run}>Try again<span class="hidden"> job ${job.id}</span></button>`}</p>
    ${wait && html`<p>${wait.detail} ${wait.until && html`<span class="muted">(<${Time} at=${wait.until} />)</span>`}</p>`}
    ${job.error && html`<p class=${job.state === "failed" ? "problem" : "warn"}>
      ${job.state !== "failed" && "Last attempt: "}<${Text} shown=${500}>${job.error}<//></p>`}
    ${retry.error && html`<p class="problem" role="alert">${retry.error.message}</p>`}
    <p class="meta"><${About} workspace=${workspace} job=${job} />
      ${job.messages > 0 && html`<span>${counted(job.messages, "message")}</span>`}
      ${job.attempts > 0 && html`<span>${counted(job.attempts, "attempt")}</span>`}
      <span>since <${Time} at=${job.created_at} /></span><span>job ${job.id}</span></p>`;
}

function About({ workspace, job: { observed_id: observed, observer_ids: observers, session_id: session } }) {
  const others = observers.filter((id) => id !== observed);
  return html`
    ${observed && html`<span>about <a href=${href(["w", workspace, "peers", observed])}><${Id}>${observed}<//></a></span>`}
    ${others.length > 0 && html`<span>for ${others.slice(0, 5).map((id, index) => html`${index > 0 && ", "}<${Id}>${id}<//>`)}
      ${others.length > 5 && ` and ${number(others.length - 5)} more`}</span>`}
    ${session && html`<span>in <a href=${href(["w", workspace, "sessions", session])}><${Id}>${session}<//></a></span>`}`;
}
