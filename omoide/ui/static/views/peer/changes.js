// What is no longer held: superseded, corrected or merged, each with what took its place.
import { html } from "../../../vendor/preact.js";
import { post } from "../../api.js";
import { ConclusionRow } from "../../components/conclusion_row.js";
import { ChoiceField } from "../../components/fields.js";
import { PagedList } from "../../components/paged_list.js";
import { Empty } from "../../components/states.js";
import { Text } from "../../components/text.js";
import { href } from "../../router.js";

const ENDED = ["superseded", "invalid", "merged"];
const KINDS = [["", "All changes"], ["superseded", "Superseded: no longer true"], ["invalid", "Corrected: never true"],
  ["merged", "Merged: another says the same"]];
const BY = {
  superseded: "Replaced by what was said later:", invalid: "Corrected to:", merged: "Became part of:",
};

export function Changes({ workspace, observer, observed, query }) {
  const list = ["v3", "workspaces", workspace, "conclusions", "list"];
  const load = async (page, size, signal) => {
    const status = query.kind || ENDED;
    const ended = await post(list, { filters: { observer_id: observer, observed_id: observed, status } },
      { query: { page, size }, signal });
    const ids = [...new Set(ended.items.map(({ superseded_by: by }) => by).filter(Boolean))];
    if (!ids.length) return ended;
    const successors = await post(list, { filters: { id: ids, status: "*" } }, { query: { size: ids.length }, signal });
    const byId = new Map(successors.items.map((conclusion) => [conclusion.id, conclusion]));
    return { ...ended, items: ended.items.map((one) => ({ ...one, successor: byId.get(one.superseded_by) })) };
  };
  return html`
    <div class="row filters"><${ChoiceField} query=${query} name="kind" label="Kind" options=${KINDS} /></div>
    <${PagedList} label="changes" load=${load} size=${25} estimate=${110}
      inputs=${[workspace, observer, observed, query.kind]}
      row=${(conclusion) => html`
        <${ConclusionRow} workspace=${workspace} conclusion=${conclusion}>
          ${conclusion.successor && html`<p class="successor"><span class="muted">${BY[conclusion.status]}</span> <a
            href=${href(["w", workspace, "conclusions", conclusion.successor.id])}><${Text}
            shown=${300} more=${false}>${conclusion.successor.content}<//></a></p>`}
        <//>`}
      empty=${html`<${Empty} title="Nothing has changed.">
        <p>When something newer is said about the same thing, or a conclusion is corrected, the old one is kept here.</p>
      <//>`} />`;
}
