// Messages of a session from the API: a page with the conclusions that rest on it, and the place of one message.
import { get, post } from "../../api.js";

const AT_ONCE = 100; // conclusions in an answer
const NAMED = 20; // messages that a conclusion names
const AROUND = 4; // pages: a batch, whose ids are in no order, has 100 messages

// A page of messages, each with `conclusions`: what rests on it, whatever became of it; null if that could not be read.
export async function withConclusions(path, page, size, signal) {
  const messages = await post([...path, "messages", "list"], {}, { query: { page, size }, signal });
  const ids = messages.items.map(({ id }) => id);
  const conclusions = await conclusionsOf(path, ids, signal);
  return { ...messages, items: messages.items.map((message) => ({ ...message, conclusions: conclusions?.get(message.id) ?? null })) };
}

// Message id → conclusions; null if they could not be read: a key of a session or of a peer may read messages only, and
// the transcript is shown without them.
async function conclusionsOf(path, ids, signal) {
  const resting = (on) => post([...path.slice(0, -2), "conclusions", "list"], { filters: { message_id: on, status: "*" } },
    { query: { size: AT_ONCE, reverse: true }, signal });
  const each = async (id) => [id, grouped((await resting(id)).items)];
  try {
    if (!ids.length) return new Map();
    const { items, total } = await resting(ids);
    if (total > items.length || items.some(hasMore)) return new Map(await Promise.all(ids.map(each)));
    return new Map(ids.map((id) => [id, grouped(items.filter(({ message_ids: behind }) => behind.includes(id)))]));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

// Of what was said often, a conclusion names only the newest messages.
const hasMore = ({ message_ids: behind }) => behind.length >= NAMED;

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

// {message, index}: a message, and its place in the session's order of arrival. Ids of later batches are greater, and times
// mostly are, so counting what is before it tells about where it is; what is there decides. `index` is null if it is not
// near.
export async function positionOf(path, id, size, signal) {
  const message = await get([...path, "messages", id], {}, signal);
  const list = (filters, page, count) => post([...path, "messages", "list"], filters ? { filters } : {},
    { query: { page, size: count }, signal });
  const counts = [{ id: { lt: id } }, { created_at: { lt: message.created_at } }].map((before) => list(before, 1, 1));
  const pages = (await Promise.all(counts)).map(({ total }) => Math.floor(total / size) + 1);
  const near = Array.from({ length: AROUND + 1 }, (_, far) => pages.flatMap((page) => [page - far, page + far])).flat();
  for (const page of new Set(near.filter((number) => number > 0))) {
    const { items } = await list(null, page, size);
    const offset = items.findIndex((item) => item.id === id);
    if (offset >= 0) return { message, index: (page - 1) * size + offset };
  }
  return { message, index: null };
}
