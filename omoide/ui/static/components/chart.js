// A chart over time, drawn by uPlot, which is loaded with the first one. It takes the page's colours, in light and dark.
// It is for the eye: whoever shows one shows the same figures as a table too.
import { html, useEffect, useLayoutEffect, useReducer, useRef } from "../../vendor/preact.js";
import { useLoad } from "../load.js";
import { ErrorView, Loading } from "./states.js";

const HEIGHT = 220;
const NARROWEST = 8; // pixels that a drag must cover

async function load() {
  if (!document.querySelector("link[data-chart]")) {
    const sheet = document.createElement("link");
    Object.assign(sheet, { rel: "stylesheet", href: new URL("../../vendor/uplot.css", import.meta.url).href });
    sheet.dataset.chart = "";
    document.head.append(sheet);
  }
  return (await import("../../vendor/uplot.js")).default;
}

// `times`: seconds, the begins of equal parts. `series`: [{name, colour, values}] of a CSS class `ink-colour` each, stacked in bars.
// `describe(index)`: what is told of a part under the pointer. `zoom(since, until)`: called after a drag, with seconds.
export function Chart({ times, series, describe, zoom, utc = false }) {
  const library = useLoad(load, []);
  const box = useRef(null);
  const legend = useRef(null);
  const told = useRef(null);
  const theme = useTheme();
  const latest = useRef({});
  latest.current = { describe, zoom };
  useLayoutEffect(() => {
    if (!library.value) return undefined;
    const element = box.current;
    const colours = [...legend.current.children].map((item) => getComputedStyle(item.firstChild).color);
    const options = {
      ...optionsOf(library.value, { times, series, colours, text: getComputedStyle(told.current).color, utc }),
      width: element.clientWidth, height: HEIGHT,
      hooks: {
        setCursor: [({ cursor: { idx } }) => { told.current.textContent = idx == null ? "" : latest.current.describe(idx); }],
        setSelect: [(plot) => selected(plot, latest.current.zoom)],
      },
    };
    const plot = new library.value(options, [times, ...stacked(series)], element);
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [library.value, JSON.stringify([times, series]), theme]);
  if (library.error) return html`<${ErrorView} error=${library.error} />`;
  return html`
    <div class="chart" aria-hidden="true">
      <ul class="chart-legend" ref=${legend}>${series.map(({ name, colour }) => html`
        <li key=${name}><span class=${`ink-${colour}`}>■</span> ${name}</li>`)}</ul>
      ${!library.value && html`<${Loading} what="the chart" />`}
      <div ref=${box}></div>
      <p class="muted told" ref=${told}></p>
    </div>`;
}

// The highest bar is drawn first, so each series is the sum of those that are drawn after it and itself.
function stacked(series) {
  const sums = series.at(0)?.values.map(() => 0) ?? [];
  return series.toReversed().map(({ values }) => values.map((value, index) => sums[index] += value)).reverse();
}

function optionsOf(Plot, { times, series, colours, text, utc }) {
  const end = Math.max(times.at(-1) + (times.length > 1 ? times[1] - times[0] : 0), times[0] + 1);
  const axis = { stroke: text, grid: { stroke: `color-mix(in srgb, ${text} 25%, transparent)`, width: 1 }, ticks: { show: false } };
  return {
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
    scales: { x: { range: () => [times[0], end] }, y: { range: (plot, least, most) => [0, Math.max(1, most * 1.05)] } },
    ...(utc && { tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1e3), "Etc/UTC") }),
    axes: [{ ...axis, values: (plot, splits, index, space, step) => splits.map(timeLabel(step, utc)) }, { ...axis, size: 60, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4,
      1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1e8, 1e9] }],
    series: [{}, ...series.map((_, index) => ({
      stroke: colours[index], fill: colours[index], width: 0, points: { show: false },
      paths: Plot.paths.bars({ size: [0.8, 48], align: 1 }),
    }))],
  };
}

const LABELS = [
  [28 * 86_400, { month: "short", year: "numeric" }], [86_400, { month: "short", day: "numeric" }],
  [60, { hour: "2-digit", minute: "2-digit" }], [0, { hour: "2-digit", minute: "2-digit", second: "2-digit" }],
];

// What is written at the axis, `step` seconds apart.
function timeLabel(step, utc) {
  const [, parts] = LABELS.find(([least]) => step >= least);
  const format = new Intl.DateTimeFormat("en", { ...parts, ...(utc && { timeZone: "UTC" }) });
  return (seconds) => format.format(seconds * 1000);
}

function selected(plot, zoom) {
  const { left, width } = plot.select;
  if (zoom && width >= NARROWEST) zoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  if (width) plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

// Changes when the page's colours do.
function useTheme() {
  const [round, changed] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const chosen = new MutationObserver(changed);
    dark.addEventListener("change", changed);
    chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      dark.removeEventListener("change", changed);
      chosen.disconnect();
    };
  }, []);
  return round;
}
