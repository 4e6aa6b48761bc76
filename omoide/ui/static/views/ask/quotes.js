// Quotations in an answer, and the messages that they are from.
import { html } from "../../../vendor/preact.js";
import { messageHref } from "../../components/message.js";

const QUOTE = /"[^"]{8,}"|“[^”]{8,}”|„[^“”]{8,}[“”]|«[^»]{8,}»|「[^」]{4,}」/gu;

export const quotesOf = (answer) => answer.match(QUOTE) ?? [];

const plain = (text) => text.replace(/\s+/g, " ").trim();

// The message with these words; what an ellipsis left out does not count.
export function messageOf(quote, messages) {
  const parts = plain(quote.slice(1, -1)).split(/…|\.\.\./).map((part) => part.trim()).filter((part) => part.length > 3);
  if (!parts.length) return undefined;
  return messages.find(({ content }) => content && parts.every((part) => plain(content).includes(part)))
    ?? messages.find(({ content }) => content?.length >= 400 && plain(content).includes(parts[0]));
}

// The answer as text, in which each quotation of a message leads to it.
export function Answer({ workspace, answer, messages }) {
  const parts = [];
  let at = 0;
  for (const { 0: quote, index } of answer.matchAll(QUOTE)) {
    const message = messages && messageOf(quote, messages);
    if (!message) continue;
    parts.push(answer.slice(at, index), html`<a href=${messageHref(workspace, message)}>${quote}</a>`);
    at = index + quote.length;
  }
  parts.push(answer.slice(at));
  return html`<div class="answer text" dir="auto">${parts}</div>`;
}
