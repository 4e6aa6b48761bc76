// What is around every view: the skip link, the header with the workspace's sections, the theme and the key.
import { html, useLayoutEffect, useState } from "../../vendor/preact.js";
import { key } from "../api.js";
import { href } from "../router.js";
import { useServer } from "../server.js";
import { Dialog } from "./dialog.js";

const SECTIONS = [
  ["overview", "Overview", []],
  ["peers", "Peers", ["peers"]],
  ["sessions", "Sessions", ["sessions"]],
  ["search", "Search", ["search"]],
  ["ask", "Ask", ["ask"]],
  ["observers", "Observers", ["observers"]],
  ["admin", "Admin", ["admin"]],
];

export function Frame({ segments, workspace, section, main, children }) {
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>Skip to content</a>
    <header class="top">
      <a class="brand" href="#/"><img src="static/icon.svg" alt="" width="24" height="24" />Omoide</a>
      ${workspace && html`
        <nav aria-label="Workspace">
          <a class="workspace" href=${href(["w", workspace])}><bdi>${workspace}</bdi></a>
          <ul>${SECTIONS.map(([name, title, path]) => html`
            <li key=${name}><a href=${href(["w", workspace, ...path])}
              aria-current=${name === section ? (segments.length <= 2 + path.length ? "page" : "true") : null}>${title}</a></li>`)}
          </ul>
        </nav>`}
      <div class="tools"><${ServerLinks} /><${Theme} /></div>
    </header>
    <main id="main" tabindex="-1" ref=${main}>${children}</main>`;
}

function ServerLinks() {
  const server = useServer();
  const [open, setOpen] = useState(false);
  return html`
    <a href="#/keys">Keys</a>
    <a href="#/settings">Settings</a>
    <a href="../docs">API</a>
    ${server.authentication && html`<button type="button" onClick=${() => setOpen(true)}>
      ${key.get() ? "Change key" : "Enter key"}</button>`}
    ${open && html`<${KeyDialog} close=${() => setOpen(false)} />`}`;
}

function KeyDialog({ close }) {
  const submit = (event) => {
    event.preventDefault();
    key.set(new FormData(event.target).get("key").trim());
    close();
  };
  return html`
    <${Dialog} title="Key of this tab" close=${close}>
      <form onSubmit=${submit}>
        <label>Key <input name="key" type="password" autocomplete="off" spellcheck="false" /></label>
        <p class="muted">It is kept in this tab only, and sent with every request. Leave it empty to forget it.</p>
        <div class="row end"><button type="button" onClick=${close}>Cancel</button>
          <button class="primary">Use</button></div>
      </form>
    <//>`;
}

function Theme() {
  const [theme, setTheme] = useState(localStorage.getItem("omoide-theme") ?? "auto");
  useLayoutEffect(() => {
    localStorage.setItem("omoide-theme", theme);
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return html`
    <label class="compact"><span class="hidden">Theme</span>
      <select value=${theme} onChange=${(event) => setTheme(event.target.value)}>
        <option value="auto">Auto</option><option value="light">Light</option><option value="dark">Dark</option>
      </select>
    </label>`;
}
