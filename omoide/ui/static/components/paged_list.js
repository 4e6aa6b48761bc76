// A list of any length. It is cut into blocks, one for each page of the API; a block is loaded when it comes near the
// screen, and what is far away is only as high as it was, so 100,000 rows cost what the screen shows.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { useLater, useLoad } from "../load.js";
import { Empty, ErrorView, Loaded } from "./states.js";
import { number } from "./text.js";

const NEAR = "800px"; // how far from the screen a block is loaded

// `load(page, size, signal)` returns {items, total}; `row(item, index)` a view. `inputs` are what `load` depends on.
// `start`: the index of the row to begin at. `estimate`: a row's height in pixels before it is known. When `version`
// changes, what is shown is loaded again and stays meanwhile. `above(total)`: what is shown before the list.
export function PagedList({ load, inputs, size = 50, start = 0, label, version = 0, ...rest }) {
  const first = useLoad((signal) => load(Math.floor(start / size) + 1, size, signal), [...inputs, start, size]);
  useLater(version, first.reload);
  return html`
    <p class="hidden" role="status">${first.value ? `${label}: ${number(first.value.total)}` : ""}</p>
    <${Loaded} load=${first} what=${label}>${(page) => html`
      <${Blocks} ...${{ load, inputs, size, start, label, version, ...rest }} first=${page} />`}<//>`;
}

function Blocks({ load, row, inputs, keyOf, size, estimate = 64, start, label, empty, above, version, first }) {
  const { total } = first;
  if (!total) return empty ?? html`<${Empty} title=${`No ${label} here.`} />`;
  const blocks = Array.from({ length: Math.ceil(total / size) }, (_, index) => index);
  const given = Math.floor(start / size);
  return html`
    ${above?.(total)}
    <div role="list" class="list" aria-label=${label}>
      ${blocks.map((index) => html`
        <${Block} key=${`${JSON.stringify(inputs)}/${index}`} ...${{ index, load, row, keyOf, size, total, estimate, version }}
          given=${index === given ? first : null} start=${index === given ? start : null} />`)}
    </div>`;
}

function Block({ index, load, row, keyOf, size, total, estimate, given, start, version }) {
  const box = useRef(null);
  const height = useRef(Math.min(size, total - index * size) * estimate);
  const [near, setNear] = useState(Boolean(given));
  const [page, setPage] = useState(given);
  const [error, setError] = useState(null);

  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting && box.current?.offsetHeight) height.current = box.current.offsetHeight;
      setNear(entry.isIntersecting);
    }, { rootMargin: NEAR });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!near || page || error) return undefined;
    const control = new AbortController();
    load(index + 1, size, control.signal).then(setPage, (problem) => problem.name !== "AbortError" && setError(problem));
    return () => control.abort();
  }, [near, page, error]);

  useEffect(() => { if (given) setPage(given); }, [given]);

  useEffect(() => {
    if (!version || !page || given) return undefined;
    const control = new AbortController();
    load(index + 1, size, control.signal).then(setPage, () => {}); // the first block shows what is wrong
    return () => control.abort();
  }, [version]);

  useLayoutEffect(() => {
    if (start) box.current.querySelector(`[aria-posinset="${start + 1}"]`)?.scrollIntoView({ block: "center" });
  }, []);

  const shown = near && page;
  return html`
    <div role="none" class="block" ref=${box} style=${shown || (near && error) ? "" : `height: ${height.current}px`}>
      ${shown && page.items.map((item, offset) => html`
        <div role="listitem" key=${keyOf ? keyOf(item) : item.id} aria-setsize=${total}
          aria-posinset=${index * size + offset + 1}>${row(item, index * size + offset)}</div>`)}
      ${near && error && html`<div role="listitem"><${ErrorView} error=${error} retry=${() => setError(null)} /></div>`}
    </div>`;
}
