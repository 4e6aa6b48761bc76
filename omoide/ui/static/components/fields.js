// Fields of forms that are bound to something else: to the address, or to ids that the workspace has.
import { html, useEffect, useId, useRef, useState } from "../../vendor/preact.js";
import { post } from "../api.js";
import { useDebounced, useLoad } from "../load.js";
import { replaceQuery } from "../router.js";

const TYPING = 250; // milliseconds without a key until the address follows
const SUGGESTED = 20;

// A search field whose text is the parameter `name` of the address; it follows the typing.
export function SearchField({ query, name = "q", label, placeholder }) {
  const given = query[name] ?? "";
  const [typed, setTyped] = useState(given);
  const sent = useRef(given);
  const settled = useDebounced(typed, TYPING);
  useEffect(() => {
    if (settled === sent.current) return;
    sent.current = settled;
    replaceQuery({ [name]: settled });
  }, [settled]);
  useEffect(() => {
    if (given === sent.current) return; // else: the address was changed by somebody else, such as a link
    sent.current = given;
    setTyped(given);
  }, [given]);
  return html`<label>${label}
    <input type="search" value=${typed} placeholder=${placeholder} maxlength="512" autocomplete="off" spellcheck="false"
      onInput=${(event) => setTyped(event.target.value)} /></label>`;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;

// A date that is the parameter `name` of the address.
export const DateField = ({ query, name, label }) => html`
  <label>${label}
    <input type="date" value=${DATE.test(query[name]) ? query[name] : ""} onChange=${({ target }) => replaceQuery({ [name]: target.value })} /></label>`;

// A choice that is the parameter `name` of the address. `options`: [[value, title], …]; the first is the default.
export const ChoiceField = ({ query, name, label, options }) => html`
  <label>${label}
    <select value=${query[name] ?? options[0][0]}
      onChange=${({ target }) => replaceQuery({ [name]: target.value === options[0][0] ? null : target.value })}>
      ${options.map(([value, title]) => html`<option key=${value} value=${value}>${title}</option>`)}
    </select></label>`;

// A field for the id of one of the workspace's `kind`: "peers", "sessions" or "scopes". It suggests those that contain
// what is typed; `change` gets the id when the field is left, chosen or submitted.
export function IdField({ workspace, kind, label, value, change, hint, required = false }) {
  const list = useId();
  const [typed, setTyped] = useState(value ?? "");
  const [open, setOpen] = useState(false);
  const settled = useDebounced(typed, TYPING);
  useEffect(() => setTyped(value ?? ""), [value]);
  const known = useLoad(async (signal) => open ? suggestions(workspace, kind, settled, signal) : [], [open, kind, settled]);
  return html`<label>${label}
    <input list=${list} value=${typed} required=${required} placeholder=${hint} maxlength="512" autocomplete="off"
      spellcheck="false" onFocus=${() => setOpen(true)} onInput=${(event) => setTyped(event.target.value)}
      onChange=${(event) => change(event.target.value.trim())} />
    <datalist id=${list}>${(known.value ?? []).map((id) => html`<option key=${id} value=${id} />`)}</datalist></label>`;
}

async function suggestions(workspace, kind, typed, signal) {
  const filters = typed && kind !== "scopes" ? { id: { icontains: typed } } : null;
  const path = ["v3", "workspaces", workspace, kind, "list"];
  const { items } = await post(path, filters ? { filters } : {}, { query: { size: SUGGESTED }, signal });
  return items.map(({ id }) => id);
}
