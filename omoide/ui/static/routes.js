// Which view each address shows. A segment that starts with a colon is a parameter of the view.

const ROUTES = [
  ["", "home", "Workspaces"],
  ["settings", "settings", "Settings"],
  ["keys", "keys", "Keys"],
  ["w/:workspace", "workspace", ":workspace", "overview"],
  ["w/:workspace/queue", "queue", "Queue of :workspace", "overview"],
  ["w/:workspace/peers", "peers", "Peers of :workspace", "peers"],
  ["w/:workspace/peers/:peer", "peer", ":peer", "peers"],
  ["w/:workspace/peers/:peer/timeline", "timeline", "Timeline of :peer", "peers"],
  ["w/:workspace/conclusions/:conclusion", "conclusion", "Conclusion", "peers"],
  ["w/:workspace/sessions", "sessions", "Sessions of :workspace", "sessions"],
  ["w/:workspace/sessions/:session", "session", ":session", "sessions"],
  ["w/:workspace/search", "search", "Search :workspace", "search"],
  ["w/:workspace/ask", "ask", "Ask :workspace", "ask"],
  ["w/:workspace/observers", "observers", "Observers in :workspace", "observers"],
  ["w/:workspace/admin", "admin", "Administration of :workspace", "admin"],
].map(([pattern, view, title, section]) => ({ pattern: pattern.split("/").filter(Boolean), view, title, section }));

const NOT_FOUND = { view: "not_found", title: "Not found" };

// {module, title, section, parameters} of the view for the segments of an address.
export function match(segments) {
  const route = ROUTES.find(({ pattern }) => fits(pattern, segments)) ?? NOT_FOUND;
  const parameters = {};
  route.pattern?.forEach((part, index) => {
    if (part.startsWith(":")) parameters[part.slice(1)] = segments[index];
  });
  const title = route.title.replace(/:(\w+)/g, (_, name) => parameters[name]);
  return { module: () => import(`./views/${route.view}.js`), title, section: route.section, parameters };
}

const fits = (pattern, segments) => pattern.length === segments.length
  && pattern.every((part, index) => part.startsWith(":") || part === segments[index]);
