// What was said, in order of arrival, with what was learned from each message.
import { html, useEffect, useRef, useState } from "../../../vendor/preact.js";
import { post } from "../../api.js";
import { MessageView } from "../../components/message.js";
import { PagedList } from "../../components/paged_list.js";
import { Empty, Loaded } from "../../components/states.js";
import { number } from "../../components/text.js";
import { useEvery, useLoad } from "../../load.js";
import { replaceQuery } from "../../router.js";
import { Learned } from "./learned.js";
import { positionOf, withConclusions } from "./messages.js";

const SIZE = 25; // messages in an answer
const EVERY = 5; // seconds between two looks at whether there are new messages
const FOLLOWED = 4; // looks after something new during which what is learned from it comes

export function Transcript({ path, workspace, session, query }) {
  const { message: wanted, from } = query;
  const place = useLoad((signal) => placeOf(path, wanted, from, signal), [session.uid, wanted, from]);
  const version = useNews(path);
  return html`<${Loaded} load=${place} what="the place in the transcript">${({ start, lost }) => html`
    ${lost && html`<${Elsewhere} workspace=${workspace} message=${lost} />`}
    <${PagedList} label="messages" size=${SIZE} version=${version} estimate=${110} start=${start} inputs=${[session.uid, wanted, from]}
      load=${(page, size, signal) => withConclusions(path, page, size, signal)}
      above=${(total) => html`<${Jump} total=${total} />`}
      empty=${html`<${Empty} title="Nothing was said here yet."><p>Add messages to the session and they appear here.</p><//>`}
      row=${(message, index) => html`<${Row} ...${{ path, workspace, message, index }} marked=${message.id === wanted} />`} />`}
  <//>`;
}

// A number that changes when there are other messages than before, and some times after that: learning takes a while.
function useNews(path) {
  const [version, setVersion] = useState(0);
  const seen = useRef({ total: null, looks: FOLLOWED });
  useEvery(EVERY, async () => {
    try {
      const { total } = await post([...path, "messages", "list"], {}, { query: { size: 1 } });
      if (seen.current.total !== total) seen.current = { total, looks: FOLLOWED };
    } catch {
      return; // the list itself says what is wrong
    }
    if (seen.current.looks === 0) return;
    seen.current.looks -= 1;
    setVersion((count) => count + 1);
  });
  return version;
}

// Where the list begins: at the message of the address, or at the number in it. `lost`: that message, if it is not found
// in the list.
async function placeOf(path, wanted, from, signal) {
  if (!wanted) return { start: Math.max(Math.trunc(Number(from)) || 1, 1) - 1 };
  const { index, message } = await positionOf(path, wanted, SIZE, signal);
  return { start: index ?? 0, lost: index === null ? message : null };
}

function Jump({ total }) {
  const submit = (event) => {
    event.preventDefault();
    to(new FormData(event.target).get("from"));
  };
  const to = (from) => replaceQuery({ message: null, from });
  return html`
    <form class="row filters" onSubmit=${submit}>
      <p class="grow">${total === 1 ? "1 message" : `${number(total)} messages`}, in order of arrival</p>
      ${total > SIZE && html`
        <label class="compact">Go to number <input type="number" name="from" min="1" max=${total} required /></label>
        <button>Go</button>
        <button type="button" onClick=${() => to(null)}>First</button>
        <button type="button" onClick=${() => to(total)}>Last</button>`}
    </form>`;
}

// A message whose place in a long session could not be found.
const Elsewhere = ({ workspace, message }) => html`
  <section class="card" aria-label="The message you came for">
    <p class="muted">This is the message you came for. Its place among the others could not be found.</p>
    <${MessageView} workspace=${workspace} message=${message} />
  </section>`;

function Row({ path, workspace, message, index, marked }) {
  const box = useRef(null);
  useEffect(() => { if (marked) box.current.focus({ preventScroll: true }); }, [marked]);
  return html`
    <div class=${marked ? "marked" : ""} ref=${box} tabindex=${marked ? -1 : null} aria-current=${marked ? "true" : null}>
      <${MessageView} workspace=${workspace} message=${message} place=${index + 1}>
        <${Learned} path=${path} workspace=${workspace} message=${message} />
      <//>
    </div>`;
}
