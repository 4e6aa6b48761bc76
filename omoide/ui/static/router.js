// Addresses are in the fragment, such as #/w/demo/peers/alice?observer=bob, so they can be sent to a colleague, work
// behind a path prefix, and are never sent to the server.
import { useEffect, useState } from "../vendor/preact.js";

export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#?\/?/, "").split("?");
  const segments = path.split("/").filter(Boolean).map(decode);
  return { segments, query: Object.fromEntries(new URLSearchParams(query)) };
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // a stray percent sign, typed by hand
  }
}

// The address of a view; parameters that are null, undefined or empty are left out.
export function href(segments, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(kept).toString();
  return `#/${segments.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export const go = (segments, query) => { location.hash = href(segments, query); };

// Changes parameters of the current view without a new entry in the browser's history.
export function replaceQuery(changes) {
  const { segments, query } = parse(location.hash);
  history.replaceState(null, "", href(segments, { ...query, ...changes }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    changed(); // it may have changed before this effect ran
    return () => removeEventListener("hashchange", changed);
  }, []);
  return parse(hash);
}
