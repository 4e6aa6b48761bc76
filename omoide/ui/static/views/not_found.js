import { html } from "../../vendor/preact.js";
import { Empty } from "../components/states.js";

export default () => html`
  <h1>Not found</h1>
  <${Empty} title="There is no view at this address."><p><a href="#/">Go to the workspaces</a></p><//>`;
