// Intervals of time, in milliseconds: [since, until].

const SHORTEST = 1_000; // a longer zoom would show parts shorter than what is known of the time
const EARLIEST = Date.UTC(1970, 0);
const LATEST = Date.UTC(9999, 0);

const kept = ([since, until]) => [Math.max(since, EARLIEST), Math.min(until, LATEST)];

// The same middle, `factor` times as long.
export function widen([since, until], factor) {
  const middle = (since + until) / 2;
  const half = Math.max((until - since) * factor, SHORTEST) / 2;
  return kept([middle - half, middle + half]);
}

// As long, moved by `part` of its length.
export function move([since, until], part) {
  const by = (until - since) * part;
  return kept([since + by, until + by]);
}
