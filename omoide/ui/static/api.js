// The public API, as in openapi.yaml. Paths are lists of segments, which are encoded here.

const ROOT = new URL("../../", import.meta.url); // this file is <root>/ui/static/api.js
const KEY = "omoide-key";
export const UNREACHABLE = "The server could not be reached.";

export class ApiError extends Error {
  constructor(status, detail, options) {
    super(detail, options);
    this.status = status; // 0: the server could not be reached
  }
}

// The key is kept in this tab only: sessionStorage ends with it.
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set(value) {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
    dispatchEvent(new Event("omoide-key"));
  },
};

export function url(path, query = {}) {
  const target = new URL(path.map(encodeURIComponent).join("/"), ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of [value].flat()) target.searchParams.append(name, one);
  }
  return target;
}

// Returns the response. Throws ApiError unless its status is 2xx, and AbortError if `signal` is aborted.
export async function request(method, path, { query, body, signal, headers } = {}) {
  const sent = { accept: "application/json", ...headers };
  if (key.get()) sent.authorization = `Bearer ${key.get()}`;
  if (body !== undefined) sent["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(url(path, query), {
      method, signal, headers: sent, body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, UNREACHABLE, { cause: error });
  }
  if (!response.ok) throw new ApiError(response.status, await detailOf(response));
  return response;
}

async function detailOf(response) {
  const text = await response.text();
  try {
    const { detail } = JSON.parse(text);
    if (typeof detail === "string") return detail;
    return detail.map(({ loc, msg }) => `${loc.slice(1).join(".")}: ${msg}`).join("; ");
  } catch {
    return text.slice(0, 300) || `The server answered ${response.status}`;
  }
}

async function json(method, path, options) {
  const response = await request(method, path, options);
  return response.status === 204 ? null : response.json();
}

export const get = (path, query, signal) => json("GET", path, { query, signal });
export const post = (path, body = {}, { query, signal } = {}) => json("POST", path, { body, query, signal });
export const put = (path, body, query) => json("PUT", path, { body, query });
export const patch = (path, body) => json("PATCH", path, { body });
export const remove = (path, query) => json("DELETE", path, { query });

// The events of a streamed answer: the parsed JSON of each `data:` line.
export async function* events(path, body, signal) {
  const response = await request("POST", path, { body, signal, headers: { accept: "text/event-stream" } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data:")) yield JSON.parse(line.slice(5));
  }
}

// Saves a response as a file without keeping a link to it.
export async function download(path, name) {
  const response = await request("GET", path, { headers: { accept: "*/*" } });
  saveFile(await response.blob(), name);
}

export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
