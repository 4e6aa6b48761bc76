// A context as the messages that a model gets: the same as the official SDK's `to_openai` and `to_anthropic`.

const PARTS = [
  ["peer_representation", (context) => context.peer_representation],
  ["peer_card", (context) => context.peer_card?.length ? listOf(context.peer_card) : null],
  ["summary", (context) => context.summary?.content],
];

const parts = (context, role) => PARTS.map(([name, of]) => [name, of(context)]).filter(([, text]) => text)
  .map(([name, text]) => ({ role, content: `<${name}>${text}</${name}>` }));

export const toOpenAI = (context, assistant) => [
  ...parts(context, "system"),
  ...context.messages.map(({ peer_id: peer, content }) =>
    ({ role: peer === assistant ? "assistant" : "user", name: peer, content })),
];

export const toAnthropic = (context, assistant) => [
  ...parts(context, "user"),
  ...context.messages.map(({ peer_id: peer, content }) => peer === assistant
    ? { role: "assistant", content }
    : { role: "user", content: `${peer}: ${content}` }),
];

// A list of texts as Python writes it, which is how the SDK puts a card into a message.
export const listOf = (texts) => `[${texts.map(quoted).join(", ")}]`;

const NAMED = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function quoted(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text.replace(/[\\\n\r\t'\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (sign) => {
    if (sign === "'") return quote === "'" ? "\\'" : sign;
    return NAMED[sign] ?? escaped(sign.codePointAt(0));
  });
  return quote + inside + quote;
}

function escaped(code) {
  const hexadecimal = code.toString(16);
  if (code < 0x100) return `\\x${hexadecimal.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hexadecimal.padStart(4, "0")}` : `\\U${hexadecimal.padStart(8, "0")}`;
}
