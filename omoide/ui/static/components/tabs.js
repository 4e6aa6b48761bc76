// Tabs whose state is in the address: each is a link, so that it can be sent to a colleague.
import { html } from "../../vendor/preact.js";
import { href, parse } from "../router.js";

// `tabs`: [[name, title], …]; the first is the default.
export function Tabs({ tabs, current, label }) {
  const { segments, query } = parse(location.hash);
  return html`
    <nav class="tabs" aria-label=${label}><ul>${tabs.map(([name, title], index) => html`
      <li key=${name}><a href=${href(segments, { ...query, tab: index ? name : null })}
        aria-current=${name === current ? "page" : null}>${title}</a></li>`)}</ul></nav>`;
}
