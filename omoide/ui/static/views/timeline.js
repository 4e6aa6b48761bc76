// What was said by a peer, and learned and replaced about it, over time. The interval is in the address (?since=&until=).
import { html, useState } from "../../vendor/preact.js";
import { get } from "../api.js";
import { Chart } from "../components/chart.js";
import { Empty, Loaded } from "../components/states.js";
import { Id, moment, number } from "../components/text.js";
import { useLoad } from "../load.js";
import { href, replaceQuery } from "../router.js";
import { WhoKnows } from "./peer/who_knows.js";
import { Events } from "./timeline/events.js";
import { move, widen } from "./timeline/interval.js";

const BUCKETS = 60;
const EVENTS = 15;
const PARTS = [
  ["said", "said", ({ said }) => said],
  ["learned", "learned", ({ learned }) => learned],
  ["replaced", "replaced or corrected", ({ superseded, corrected, merged }) => superseded + corrected + merged],
];

export default function Timeline({ workspace, peer, query }) {
  const { observer = peer, since, until } = query;
  const path = ["v3", "workspaces", workspace, "peers", peer, "timeline"];
  const interval = { observer_id: observer, since, until };
  const timeline = useLoad((signal) => get(path, { ...interval, buckets: BUCKETS, limit: EVENTS }, signal),
    [workspace, peer, observer, since, until]);
  const [last, setLast] = useState(null); // what was shown, while another interval is loaded
  if (timeline.value && timeline.value !== last) setLast(timeline.value);
  const shown = { ...timeline, value: timeline.value ?? (timeline.loading && last?.observer_id === observer ? last : undefined) };
  return html`
    <h1>Timeline of <${Id}>${peer}<//></h1>
    <p class="meta"><a href=${href(["w", workspace, "peers", peer], { observer: query.observer })}>What is known about it</a></p>
    <div class="card"><${WhoKnows} workspace=${workspace} peer=${peer} observer=${observer} query=${query} /></div>
    <${Loaded} load=${shown} what="the timeline">${(value) => value.since
      ? html`<${Interval} timeline=${value} range=${[since ?? value.since, until ?? value.until].map((at) => Date.parse(at))}
            zoomed=${Boolean(since || until)} />
          <${Events} key=${JSON.stringify(interval)} ...${{ workspace, path, interval, observer }} first=${value} />`
      : html`<${Nothing} zoomed=${Boolean(since || until)} />`}<//>`;
}

const show = ([since, until]) => replaceQuery({ since: new Date(since).toISOString(), until: new Date(until).toISOString() });
const whole = () => replaceQuery({ since: null, until: null });

const Nothing = ({ zoomed }) => html`
  <${Empty} title=${zoomed ? "Nothing happened in this time." : "Nothing has happened yet."}>
    ${zoomed && html`<button type="button" onClick=${whole}>Show the whole time</button>`}<//>`;

// `range`: what the address says, which may be newer than what is shown.
function Interval({ timeline: { since, until, buckets, approximate }, range, zoomed }) {
  const steps = [
    ["Zoom in", "+", () => show(widen(range, 0.5))], ["Zoom out", "-", () => show(widen(range, 2))],
    ["Earlier", "ArrowLeft", () => show(move(range, -0.5))], ["Later", "ArrowRight", () => show(move(range, 0.5))],
    ["Whole time", "0", whole],
  ];
  const pressed = (event) => {
    const step = !event.ctrlKey && !event.metaKey && !event.altKey && steps.find(([, key]) => key === event.key);
    if (!step) return;
    event.preventDefault();
    step[2]();
  };
  const series = PARTS.map(([colour, name, value]) => ({ name, colour, values: buckets.map(value) }));
  const totals = series.map(({ name, values }) => `${number(values.reduce((sum, value) => sum + value, 0))} ${name}`);
  const describe = (index) => `From ${moment(buckets[index].at)}: ${series.map(({ name, values }) =>
    `${number(values[index])} ${name}`).join(", ")}`;
  return html`
    <section class="card" aria-label="Counts over time">
      <p role="status">${moment(since)} to ${moment(until)}: ${totals.join(", ")}${approximate
        ? " (only the newest were counted)" : ""}.</p>
      <div class="zoomable" tabindex="0" role="group" onKeyDown=${pressed}
        aria-label="Chart. Arrow keys move it, plus and minus zoom, 0 shows the whole time; the figures are in the table below.">
        <${Chart} times=${buckets.map(({ at }) => Date.parse(at) / 1000)} series=${series} describe=${describe}
          zoom=${(from, to) => show([from * 1000, to * 1000])} /></div>
      <div class="row">${steps.map(([title, , act]) => html`
        <button key=${title} type="button" disabled=${act === whole && !zoomed} onClick=${act}>${title}</button>`)}
        <span class="muted">Drag over the chart to zoom.</span></div>
      <${Figures} buckets=${buckets} series=${series} />
    </section>`;
}

const Figures = ({ buckets, series }) => html`
  <details class="figures"><summary>As a table</summary><table>
    <thead><tr><th scope="col">From</th>${series.map(({ name }) => html`
      <th key=${name} scope="col" class="number">${name}</th>`)}</tr></thead>
    <tbody>${buckets.map(({ at }, index) => series.some(({ values }) => values[index]) && html`
      <tr key=${at}><th scope="row">${moment(at)}</th>${series.map(({ name, values }) => html`
        <td key=${name} class="number">${number(values[index])}</td>`)}</tr>`)}</tbody>
  </table></details>`;
