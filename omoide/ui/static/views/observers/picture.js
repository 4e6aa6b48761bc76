// The graph as SVG: made once, then moved by attributes. Peers are links, and so is the arrow under the pointer; the
// tables are for those who do not see it, so nothing here is reached with Tab.
import { href } from "../../router.js";
import { arrowAt, bowOf, headOf, lineOf, WIDTHS, widthOf } from "./arrows.js";
import { layOut } from "./layout.js";

const SVG = "http://www.w3.org/2000/svg";
const LABEL = 22; // characters
const LABELLED = 40; // peers whose id is shown from afar
const [SMALL, LARGE] = [6, 26]; // radius

function make(parent, name, attributes = {}, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
}

const shorten = (id) => id.length > LABEL ? `${id.slice(0, LABEL - 1)}…` : id;
const plural = (count) => count === 1 ? "1 conclusion" : `${count.toLocaleString("en")} conclusions`;

// Peers and arrows with what is known of them before they have places.
function partsOf(graph) {
  const most = Math.max(1, ...graph.peers.map((peer) => peer.conclusions_about));
  const mostOfPair = Math.max(1, ...graph.pairs.map((pair) => pair.conclusions));
  const nodes = graph.peers.map((peer) => ({
    ...peer, radius: SMALL + (LARGE - SMALL) * Math.sqrt(peer.conclusions_about / most), own: null, links: [],
  }));
  const byId = new Map(nodes.map((node) => [node.peer_id, node]));
  const links = [];
  for (const { observer_id: observer, observed_id: observed, conclusions } of graph.pairs) {
    const [source, target] = [byId.get(observer), byId.get(observed)];
    if (!source || !target) continue;
    const width = widthOf(conclusions, mostOfPair);
    if (source === target) source.own = width;
    else {
      const link = { source, target, conclusions, width, bow: null };
      links.push(link);
      source.links.push(link);
      target.links.push(link);
    }
  }
  return { nodes, links };
}

function makePeers(layer, workspace, nodes) {
  nodes.forEach((node, index) => {
    const { peer_id: id, conclusions_held: held, conclusions_about: about, radius, own } = node;
    const element = make(layer, "a",
      { class: `peer ${index < LABELLED ? "" : "minor"}`, href: href(["w", workspace, "peers", id]), tabindex: -1 });
    make(element, "title", {}, `${id}: holds ${plural(held)}, ${plural(about)} about it`);
    if (own !== null) make(element, "circle", { class: "self", r: radius + 3 + WIDTHS[own] / 2, "stroke-width": WIDTHS[own] });
    make(element, "circle", { class: "dot", r: radius });
    make(element, "text", { y: radius + 18 }, shorten(id));
    node.element = element;
  });
}

// Draws `graph` (of the API) into the group `layer`; `rested` is called when nothing moves any more. `still`: it should
// not be seen moving. Returns {bounds(), close()}.
export function draw(layer, workspace, graph, { still, rested }) {
  layer.replaceChildren();
  layer.classList.remove("chosen");
  const { nodes, links } = partsOf(graph);
  const lines = WIDTHS.map((width) => make(layer, "path", { class: "line", "stroke-width": width }));
  const heads = make(layer, "path", { class: "head" });
  const chosen = [make(layer, "path", { class: "line near", "stroke-width": 2.5 }), make(layer, "path", { class: "head near" })];
  const arrow = make(layer, "a", { class: "arrow", tabindex: -1 });
  const [arrowTitle, arrowLine] = [make(arrow, "title"), make(arrow, "path", { class: "reach" })];
  makePeers(layer, workspace, nodes);

  const place = () => {
    for (const { element, x, y } of nodes) element.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    for (const link of links) link.bow = bowOf(link);
    lines.forEach((line, width) => line.setAttribute("d", pathOf(links.filter((link) => link.width === width), lineOf)));
    heads.setAttribute("d", pathOf(links, headOf));
  };
  const choose = (some) => {
    chosen[0].setAttribute("d", pathOf(some, lineOf));
    chosen[1].setAttribute("d", pathOf(some, headOf));
  };
  const point = (link) => {
    choose(link ? [link] : []);
    if (!link) return arrow.removeAttribute("href");
    const [observer, observed] = [link.source.peer_id, link.target.peer_id];
    arrow.setAttribute("href", href(["w", workspace, "peers", observed], { observer }));
    arrowTitle.textContent = `${observer} about ${observed}: ${plural(link.conclusions)}`;
    return arrowLine.setAttribute("d", lineOf(link.bow));
  };
  const stopPointing = watchPointer(layer, nodes, links, { choose, point });
  const stopMoving = layOut(nodes, links, { moved: () => still || place(), done: () => { place(); rested(); } });
  return { bounds: () => boundsOf(nodes), close: () => { stopMoving(); stopPointing(); } };
}

const pathOf = (links, part) => links.map((link) => link.bow ? part(link.bow, WIDTHS[link.width]) : "").join("");

// The peer under the pointer is shown with its arrows and those at their other ends, and the rest steps back; else the
// arrow under the pointer becomes a link.
function watchPointer(layer, nodes, links, { choose, point }) {
  const svg = layer.ownerSVGElement;
  let current = null;
  const leave = () => {
    layer.classList.remove("chosen");
    layer.querySelectorAll("a.near").forEach((element) => element.classList.remove("near"));
  };
  const moved = (event) => {
    if (event.buttons && event.type === "pointermove") return; // the plane is dragged
    const node = nodes.find(({ element }) => element.contains(event.target));
    const { x, y, scale } = placeOf(layer, event);
    const next = node ?? arrowAt(links.filter(({ bow }) => bow), x, y, scale);
    if (next === current) return;
    current = next;
    leave();
    point(node ? null : next);
    if (!node) return;
    choose(node.links);
    layer.classList.add("chosen");
    for (const near of [node, ...node.links.flatMap(({ source, target }) => [source, target])]) near.element.classList.add("near");
  };
  const kinds = ["pointermove", "pointerdown"]; // a finger does not move before it taps
  kinds.forEach((kind) => svg.addEventListener(kind, moved));
  return () => kinds.forEach((kind) => svg.removeEventListener(kind, moved));
}

function placeOf(layer, event) {
  const matrix = layer.getScreenCTM();
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  return { x, y, scale: matrix.a };
}

function boundsOf(nodes) {
  const [xs, ys] = [nodes.map(({ x }) => x), nodes.map(({ y }) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  return { x: left - 70, y: top - 45, width: right - left + 140, height: bottom - top + 100 };
}
