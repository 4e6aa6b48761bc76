// Where the peers of a graph are placed: a simulation of forces that runs to rest in short slices, so that the page
// answers meanwhile.
import {
  forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY,
} from "../../../vendor/force.js";

const SLICE = 8; // milliseconds of computing at a time

// Moves `nodes` (which have a radius, and get x and y) until they rest, then calls `done`; `moved` is called after each
// slice. `links` have nodes as source and target. Returns a function that ends it.
export function layOut(nodes, links, { moved, done }) {
  const simulation = forceSimulation(nodes)
    .force("link", forceLink(links).distance(120))
    .force("apart", forceManyBody().strength(-300 - 2 * nodes.length).distanceMax(900))
    .force("collide", forceCollide((node) => node.radius + 12))
    .force("x", forceX(0).strength(0.04)).force("y", forceY(0).strength(0.07)) // a screen is wider than high
    .stop(); // its own timer runs whole ticks without looking at the clock
  let timer = setTimeout(slice);
  function slice() {
    const end = performance.now() + SLICE;
    while (simulation.alpha() > simulation.alphaMin() && performance.now() < end) simulation.tick();
    if (simulation.alpha() <= simulation.alphaMin()) done();
    else {
      moved();
      timer = setTimeout(slice, SLICE);
    }
  }
  return () => clearTimeout(timer);
}
