// Messages of a session from the API: a page with the conclusions that rest on it, and the place of one message.
import { get, post } from "../../api.js";

const AT_ONCE = 100; // conclusions in an answer

// A page of messages, each with `conclusions`: what rests on it, whatever became of it; null if that could not be read.
export async function withConclusions(path, page, size, signal) {
  const messages = await post([...path, "messages", "list"], {}, { query: { page, size }, signal });
  const ids = messages.items.map(({ id }) => id);
  const conclusions = ids.length ? await conclusionsOf(path, ids, signal) : [];
  const items = messages.items.map((message) => ({
    ...message, conclusions: conclusions && grouped(conclusions.filter((one) => one.message_ids?.includes(message.id))),
  }));
  return { ...messages, items };
}

// A key of a session or of a peer may read messages, but not conclusions: the transcript is shown without them.
async function conclusionsOf(path, ids, signal) {
  const list = [...path.slice(0, -2), "conclusions", "list"];
  const body = { filters: { message_id: ids, status: "*" } };
  try {
    const { items } = await post(list, body, { query: { size: AT_ONCE, reverse: true }, signal });
    return items;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

// What several observers hold in the same words is one entry with all their ids.
function grouped(conclusions) {
  const groups = new Map();
  for (const conclusion of conclusions) {
    const same = JSON.stringify([conclusion.content, conclusion.observed_id, conclusion.status]);
    const group = groups.get(same) ?? { ...conclusion, observers: [] };
    group.observers.push({ id: conclusion.id, peer: conclusion.observer_id });
    groups.set(same, group);
  }
  return [...groups.values()];
}

// {index} of a message in the session's order of arrival. Ids grow with arrival and times mostly do, so counting those
// before it tells about where it is; what is there decides. `index` is null if it is not near.
export async function positionOf(path, id, size, signal) {
  const message = await get([...path, "messages", id], {}, signal);
  const list = (filters, page, count) => post([...path, "messages", "list"], filters ? { filters } : {},
    { query: { page, size: count }, signal });
  for (const before of [{ id: { lt: id } }, { created_at: { lt: message.created_at } }]) {
    const { total } = await list(before, 1, 1);
    const page = Math.floor(total / size) + 1;
    for (const near of [page, page - 1, page + 1].filter((number) => number > 0)) {
      const { items } = await list(null, near, size);
      const offset = items.findIndex((item) => item.id === id);
      if (offset >= 0) return { index: (near - 1) * size + offset, message };
    }
  }
  return { index: null, message };
}
