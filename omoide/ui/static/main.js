// Starts the page: who the server is, which view the address names, and the frame around it.
import { html, render, useEffect, useRef, useState } from "../vendor/preact.js";
import { ApiError, UNREACHABLE, get } from "./api.js";
import { Frame } from "./components/frame.js";
import { ErrorView, Loading } from "./components/states.js";
import { useLoad } from "./load.js";
import { useRoute } from "./router.js";
import { match } from "./routes.js";
import { ServerContext } from "./server.js";

function useKeyRound() {
  const [round, setRound] = useState(0);
  useEffect(() => {
    const changed = () => setRound((count) => count + 1);
    addEventListener("omoide-key", changed);
    return () => removeEventListener("omoide-key", changed);
  }, []);
  return round;
}

function App() {
  const server = useLoad((signal) => get(["v3", "server"], {}, signal), []);
  if (server.error) return html`<main><${ErrorView} error=${server.error} retry=${server.reload} /></main>`;
  if (!server.value) return html`<main><${Loading} /></main>`;
  return html`<${ServerContext.Provider} value=${server.value}><${Routed} /><//>`;
}

function Routed() {
  const route = useRoute();
  const keyRound = useKeyRound();
  const found = match(route.segments);
  const path = route.segments.join("/");
  const main = useRef(null);
  const opened = useRef(false);
  useEffect(() => {
    document.title = `${found.title} · Omoide`;
    if (opened.current) main.current?.focus({ preventScroll: true }); // a screen reader goes on in the new view
    else opened.current = true;
    scrollTo(0, 0);
  }, [path]);
  return html`
    <${Frame} segments=${route.segments} workspace=${found.parameters.workspace} section=${found.section} main=${main}>
      <${View} key=${`${path} ${keyRound}`} found=${found} query=${route.query} />
    <//>`;
}

// A view's module is loaded when it is first shown. A browser remembers that a module failed, so it takes a reload.
function View({ found, query }) {
  const view = useLoad(() => found.module().catch((error) => { throw new ApiError(0, UNREACHABLE, { cause: error }); }), []);
  if (view.error) return html`<${ErrorView} error=${view.error} retry=${() => location.reload()} />`;
  if (!view.value) return html`<${Loading} />`;
  return html`<${view.value.default} ...${found.parameters} query=${query} />`;
}

const root = document.getElementById("app");
root.replaceChildren(); // what was shown until now
render(html`<${App} />`, root);
