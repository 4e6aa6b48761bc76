// A picture of who forms a picture of whom, to move about in: with the pointer, with the wheel, with the keyboard.
import { html, useEffect, useRef, useState } from "../../../vendor/preact.js";
import { draw } from "./picture.js";

const STEP = 60; // pixels for an arrow key
const FACTOR = 1.3; // for each step of zooming
const [FARTHEST, NEAREST] = [0.1, 6];
const READABLE = 1.2; // from this zoom on, all ids are shown
const CLICK = 5; // pixels that a click may move

const KEYS = {
  ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP],
  "+": FACTOR, "=": FACTOR, "-": 1 / FACTOR, 0: "whole",
};

export function Graph({ workspace, graph }) {
  const [resting, setResting] = useState(false);
  const { svg, layer, ...view } = useView();
  const picture = useRef(null);
  const whole = () => picture.current && view.show(picture.current.bounds());
  useEffect(() => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    setResting(false);
    view.show({ x: -450, y: -300, width: 900, height: 600 });
    picture.current = draw(layer.current, workspace, graph, { still, rested: () => { whole(); setResting(true); } });
    return () => picture.current.close();
  }, [workspace, graph]);
  const act = (step) => {
    if (step === "whole") whole();
    else if (Array.isArray(step)) view.pan(...step);
    else view.zoom(step);
  };
  const onKeyDown = (event) => {
    if (!Object.hasOwn(KEYS, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(KEYS[event.key]);
  };
  return html`
    <div class="graph" aria-busy=${!resting}>
      <div class="graph-box" tabindex="0" role="application" aria-roledescription="graph" onKeyDown=${onKeyDown}
        aria-label="Who knows whom. Arrow keys move, plus and minus zoom, 0 shows all. The tables below say the same.">
        <svg ref=${svg} aria-hidden="true" ...${view.handlers}>
          <g ref=${layer}></g>
        </svg>
      </div>
      <div class="row">
        <button type="button" onClick=${() => act(FACTOR)}>Zoom in</button>
        <button type="button" onClick=${() => act(1 / FACTOR)}>Zoom out</button>
        <button type="button" onClick=${() => act("whole")}>Show all</button>
        <p class="muted grow">An arrow leads from who holds conclusions to whom they are about, the thicker the more; a
          ring stands for conclusions about itself. Drag to move; Ctrl and the wheel zoom.</p>
      </div>
    </div>`;
}

// What part of the plane is seen, and how the pointer changes it.
function useView() {
  const svg = useRef(null);
  const layer = useRef(null);
  const at = useRef({ x: 0, y: 0, scale: 1 });
  const drag = useRef(null);
  const set = (x, y, scale) => {
    at.current = { x, y, scale };
    layer.current.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    layer.current.classList.toggle("readable", scale >= READABLE);
  };
  const pan = (dx, dy) => set(at.current.x + dx, at.current.y + dy, at.current.scale);
  const middle = () => [svg.current.clientWidth / 2, svg.current.clientHeight / 2];
  const zoom = (factor, [mx, my] = middle()) => {
    const { x, y, scale } = at.current;
    const next = Math.min(NEAREST, Math.max(FARTHEST, scale * factor));
    set(mx - (mx - x) * next / scale, my - (my - y) * next / scale, next);
  };
  const show = ({ x, y, width, height }) => {
    const [mx, my] = middle();
    const scale = Math.min(1.5, Math.max(FARTHEST, Math.min(2 * mx / width, 2 * my / height)));
    set(mx - (x + width / 2) * scale, my - (y + height / 2) * scale, scale);
  };
  useEffect(() => { // not passive, or the browser would zoom the page as well
    const wheel = (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? FACTOR : 1 / FACTOR, [event.offsetX, event.offsetY]);
    };
    svg.current.addEventListener("wheel", wheel, { passive: false });
    return () => svg.current?.removeEventListener("wheel", wheel);
  }, []);
  const handlers = {
    onPointerDown: (event) => { drag.current = { x: event.clientX, y: event.clientY, moved: 0 }; },
    onPointerMove: (event) => {
      if (!drag.current || !event.buttons) return;
      const [dx, dy] = [event.clientX - drag.current.x, event.clientY - drag.current.y];
      drag.current = { x: event.clientX, y: event.clientY, moved: drag.current.moved + Math.abs(dx) + Math.abs(dy) };
      if (drag.current.moved > CLICK) svg.current.setPointerCapture(event.pointerId);
      pan(dx, dy);
    },
    onDragStart: (event) => event.preventDefault(), // else the browser drags the link
    onClickCapture: (event) => { if (drag.current?.moved > CLICK) event.preventDefault(); },
  };
  return { svg, layer, pan, zoom, show, handlers };
}
