// The workspaces of the server.
import { html } from "../../vendor/preact.js";
import { post } from "../api.js";
import { PagedList } from "../components/paged_list.js";
import { Id, Time } from "../components/text.js";
import { href } from "../router.js";

const load = (page, size, signal) => post(["v3", "workspaces", "list"], {}, { query: { page, size }, signal });

export default () => html`
  <h1>Workspaces</h1>
  <${PagedList} label="workspaces" load=${load} inputs=${[]} size=${25} row=${(workspace) => html`
    <article class="card"><h2><a href=${href(["w", workspace.id])}><${Id}>${workspace.id}<//></a></h2>
      <p class="meta">created <${Time} at=${workspace.created_at} /></p></article>`} />`;
