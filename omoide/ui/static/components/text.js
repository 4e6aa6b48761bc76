// Text that others wrote: isolated from the direction of what is around it, and cut until asked for.
import { html, useRef, useState } from "../../vendor/preact.js";

const SHOWN = 1_500; // characters
const LINES = 25;

const [BEGIN, END] = [70, 20]; // characters of a very long id

export const Id = ({ children: id }) => id?.length > BEGIN + END + 10
  ? html`<bdi class="id" title=${id}>${id.slice(0, BEGIN)}…${id.slice(-END)}</bdi>`
  : html`<bdi class="id">${id}</bdi>`;

// How much of a text is shown at first: at most `shown` characters, and not many lines.
export function firstPart(text, shown) {
  let end = -1;
  for (let line = 0; line < LINES; line += 1) {
    end = text.indexOf("\n", end + 1);
    if (end < 0 || end >= shown) return Math.min(shown, text.length);
  }
  return end;
}

// `more`: whether the rest is offered; not inside of a link.
export function Text({ children, shown = SHOWN, more = true }) {
  const [whole, setWhole] = useState(false);
  const box = useRef(null);
  const text = children ?? "";
  const end = whole ? text.length : firstPart(text, shown);
  const cut = end < text.length;
  return html`
    <span class="text" dir="auto" ref=${box} tabindex=${more ? -1 : null}>${cut ? `${text.slice(0, end).replace(/[\ud800-\udbff]$/, "")}…` : text}</span>
    ${cut && more && html` <button type="button" class="link" onClick=${() => { box.current.focus(); setWhole(true); }}>
      Show all ${text.length.toLocaleString("en")} characters</button>`}`;
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

export function ago(iso, now = Date.now()) {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return RELATIVE.format(Math.round(seconds / length), unit);
}

export const moment = (iso) => new Date(iso).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

// A point in time: exact with `exact`, else relative with the exact one as its title.
export const Time = ({ at, exact = false }) => at
  ? html`<time datetime=${at} title=${moment(at)}>${exact ? moment(at) : ago(at)}</time>`
  : html`<span class="muted">never</span>`;

export const number = (value) => value?.toLocaleString("en") ?? "–";

// "1 message", "2 messages".
export const counted = (many, noun) => `${number(many)} ${noun}${many === 1 ? "" : "s"}`;

// `text` may be a function that returns a promise of it.
export function CopyButton({ text, label = "Copy" }) {
  const [shown, setShown] = useState(label);
  const copy = async () => {
    setShown(await written(typeof text === "function" ? await text() : text) ? "Copied" : "The browser refused");
    setTimeout(() => setShown(label), 2_000);
  };
  return html`<button type="button" onClick=${copy}><span aria-live="polite">${shown}</span></button>`;
}

// The clipboard is there only on https and localhost; elsewhere a selection is copied.
async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}
