// The arrows of the graph. They are drawn as few large paths, because thousands of elements would stop the page.

const NEAR = 7; // pixels from the pointer
const SAMPLES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const HEAD = 8; // length of an arrow's head

export const WIDTHS = [1, 2, 3.5, 5]; // pixels; an arrow has one of these, by its share of the most conclusions

export const widthOf = (count, most) => Math.min(WIDTHS.length - 1,
  Math.floor(Math.log2(count + 1) / Math.log2(most + 1) * WIDTHS.length));

// A bow from the edge of one circle to that of the other, so that two opposite arrows are apart: its begin, its control
// point, its end.
export function bowOf({ source, target }) {
  const [dx, dy] = [target.x - source.x, target.y - source.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const start = source.radius + 2;
  const end = Math.max(start + 1, length - target.radius - HEAD);
  const at = (along, aside) => [source.x + ux * along - uy * aside, source.y + uy * along + ux * aside];
  return [at(start, 0), at(length / 2, Math.min(40, length * 0.15)), at(end, 0)];
}

const point = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;

export const lineOf = ([begin, middle, end]) => `M${point(begin)}Q${point(middle)} ${point(end)}`;

export function headOf([, middle, end], width) {
  const [dx, dy] = [end[0] - middle[0], end[1] - middle[1]];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const half = 3 + width;
  const at = (along, aside) => point([end[0] + ux * along - uy * aside, end[1] + uy * along + ux * aside]);
  return `M${at(HEAD, 0)}L${at(-2, half)}L${at(-2, -half)}z`;
}

// The arrow that is nearest to a place, if one is near. `scale`: pixels for a unit of the plane.
export function arrowAt(links, x, y, scale) {
  let [nearest, least] = [null, NEAR / scale];
  for (const link of links) {
    const [a, b, c] = link.bow;
    for (const t of SAMPLES) {
      const [p, q, r] = [(1 - t) ** 2, 2 * t * (1 - t), t ** 2];
      const distance = Math.hypot(p * a[0] + q * b[0] + r * c[0] - x, p * a[1] + q * b[1] + r * c[1] - y);
      // Between two samples a place on the arrow may be as far from both as half of the way.
      if (distance - Math.hypot(c[0] - a[0], c[1] - a[1]) / 18 < least) [nearest, least] = [link, distance];
    }
  }
  return nearest;
}
