// Who is in the session or was, and when each came and went.
import { html } from "../../../vendor/preact.js";
import { get } from "../../api.js";
import { PagedList } from "../../components/paged_list.js";
import { Empty } from "../../components/states.js";
import { Id, moment } from "../../components/text.js";
import { useLoad } from "../../load.js";
import { href } from "../../router.js";

const FLAGS = [["observe_me", "others learn about it"], ["observe_others", "it learns about others"]];

export function Members({ path, workspace, session }) {
  return html`
    <p class="muted">Who is in this session or was, in the order in which they joined last, each with its stays.</p>
    <${PagedList} label="members" size=${25} estimate=${120} inputs=${[session.uid]}
      load=${(page, size, signal) => get([...path, "peers"], { page, size, former: true }, signal)}
      empty=${html`<${Empty} title="Nobody was in this session."><p>Who says something joins by it.</p><//>`}
      row=${(peer) => html`<${Member} ...${{ path, workspace, session, peer }} />`} />`;
}

function Member({ path, workspace, session, peer }) {
  const member = [...path, "peers", peer.id];
  const { value, error } = useLoad(async (signal) => {
    const [history, flags] = await Promise.all([get([...member, "history"], {}, signal), get([...member, "config"], {}, signal)]);
    return { stays: history.stays, flags };
  }, [session.uid, peer.id]);
  return html`
    <article>
      <h2 class="row-title"><a href=${href(["w", workspace, "peers", peer.id])}><${Id}>${peer.id}<//></a></h2>
      ${error && html`<p class="problem">${error.message}</p>`}
      ${value && html`
        <p class="meta">${value.stays[0]?.left_at && html`<span class="badge">has left</span>`}${FLAGS.filter(([name]) => typeof value.flags[name] === "boolean").map(([name, meaning]) => html`
          <span key=${name} class="badge">${meaning}: ${value.flags[name] ? "yes" : "no"}</span>`)}</p>
        <${Stays} stays=${value.stays} since=${session.created_at} />`}
    </article>`;
}

function Stays({ stays, since }) {
  const times = [since, ...stays.map((stay) => stay.joined_at)].filter(Boolean);
  const begin = Math.min(Date.now(), ...times.map(Date.parse));
  const length = Math.max(Date.now() - begin, 1);
  const at = (iso, otherwise) => ((iso ? Date.parse(iso) : otherwise) - begin) / length * 1000;
  return html`
    <svg class="stays" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
      ${stays.map((stay, index) => {
        const from = at(stay.joined_at, begin);
        return html`<rect key=${index} x=${from} width=${Math.max(at(stay.left_at, Date.now()) - from, 2)} y="0" height="10" />`;
      })}
    </svg>
    <ul class="meta">${stays.map((stay, index) => html`<li key=${index}>${told(stay)}</li>`)}</ul>`;
}

function told({ joined_at: joined, left_at: left, added_by: adder, removed_by: remover }) {
  const by = (who) => who ? ` (by ${who})` : "";
  const since = joined ? `from ${moment(joined)}${by(adder)}` : "from a time that was not recorded";
  return left ? `${since} until ${moment(left)}${by(remover)}` : `${since} until now`;
}
