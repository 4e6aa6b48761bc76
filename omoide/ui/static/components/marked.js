// A text that was found, with the words of the query marked. The server decides what is found, by stems and by meaning;
// the marks only show the eye where the words are.
import { html, useRef, useState } from "../../vendor/preact.js";
import { firstPart, number } from "./text.js";

const WORD = /[\p{L}\p{N}\p{M}_]+/gu;
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const PLAIN = new Set(`a about an and are at be by did do does for from had has have he her him his how i in is it its me
  my of on or our she so that the their them they this to was we were what when where which who why with you
  your`.split(/\s+/));
const BEFORE = 80; // characters before the first mark in an excerpt

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const wordsOf = (text) => text.match(WORD) ?? [];

function sought(query) {
  const words = wordsOf(query);
  const telling = words.filter((word) => !PLAIN.has(folded(word)));
  return telling.length ? telling : words;
}

// "live" and "lives" are one word, "cat" and "category" are not.
function same(one, other) {
  if (one === other) return true;
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  return short.length >= 4 && long.length - short.length <= 3 && long.startsWith(short.slice(0, Math.max(4, short.length - 1)));
}

// Scripts without blanks between words: what two signs next to each other have in common with the query.
function pairsOf(word) {
  const signs = [...word];
  return signs.length < 2 ? signs : signs.slice(1).map((sign, index) => signs[index] + sign);
}

// [begin, end] of each part of the text to mark, in order, not touching each other.
export function marksOf(text, query) {
  const ranges = [];
  const add = (begin, end) => {
    const last = ranges.at(-1);
    if (last && begin <= last[1]) last[1] = Math.max(last[1], end);
    else ranges.push([begin, end]);
  };
  const words = sought(query);
  const wanted = words.filter((word) => !UNSPACED.test(word)).map(folded);
  const pairs = new Set(words.filter((word) => UNSPACED.test(word)).flatMap(pairsOf));
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (UNSPACED.test(word)) {
      let at = index;
      const signs = [...word];
      signs.forEach((sign, place) => {
        const pair = sign + (signs[place + 1] ?? "");
        if (pairs.has(pair)) add(at, at + pair.length);
        else if (pairs.has(sign)) add(at, at + sign.length);
        at += sign.length;
      });
    } else if (wanted.some((one) => same(one, folded(word)))) add(index, index + word.length);
  }
  return ranges;
}

// `shown`: how many characters are shown, around the first mark, until all are asked for.
export function Marked({ text, query, shown = 500, more = true }) {
  const [whole, setWhole] = useState(false);
  const box = useRef(null);
  const ranges = marksOf(text, query);
  const first = Math.min(Math.max(0, (ranges[0]?.[0] ?? 0) - BEFORE), Math.max(0, text.length - shown));
  const begin = whole ? 0 : first;
  const end = whole ? text.length : first + firstPart(text.slice(first), shown);
  const cut = end - begin < text.length;
  return html`
    <span class="text" dir="auto" ref=${box} tabindex=${more ? -1 : null}>${begin > 0 && "…"}${pieces(text, ranges, begin, end)}${end < text.length && "…"}</span>
    ${cut && more && html` <button type="button" class="link" onClick=${() => { box.current.focus(); setWhole(true); }}>
      Show all ${number(text.length)} characters</button>`}`;
}

function pieces(text, ranges, begin, end) {
  const parts = [];
  let at = begin;
  for (const [from, to] of ranges) {
    if (to <= begin || from >= end) continue;
    parts.push(text.slice(at, Math.max(from, at)), html`<mark>${text.slice(Math.max(from, at), Math.min(to, end))}</mark>`);
    at = Math.min(to, end);
  }
  parts.push(text.slice(at, end));
  return parts;
}
