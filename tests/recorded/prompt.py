"""A request of Omoide's to a language model, read into its parts. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from omoide.reasoner.agentic import prompt_templates

_RULES = {
    "derive": "derive.rules",
    "short": "summary.short.rules",
    "long": "summary.long.rules",
    "deduction": "deduction.rules",
    "induction": "induction.rules",
    "card": "card.rules",
    "answer": "answer.rules",
}
_FIRST_LINES = {task: prompt_templates.load(file).partition("\n")[0] for task, file in _RULES.items()}
_DAY = re.compile(r"(?P<day>\w{3} \d{4}-\d\d-\d\d)(?P<offset> [-+]\d\d:\d\d)?")
_SAID = re.compile(
    r"(?:\[(?P<label>[^\]]*)\] )?(?:(?P<day>\w{3} \d{4}-\d\d-\d\d) )?(?P<time>\d\d:\d\d)(?P<offset> [-+]\d\d:\d\d)? "
    r"(?P<text>\S+: .*)"
)
_SECONDS = re.compile(r"(?<=\b\d\d:\d\d):\d\d\b")
_SHOWN_BEFORE = re.compile(r"^Shown before: ([\w, -]+)", re.MULTILINE)
BAR = "| "


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """A message as a prompt shows it. `text` is `peer: content`, with the bars of continuation lines; `said` is its day
    and time, as `Sun 2026-10-04 22:15 -07:00`."""

    label: str
    said: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """`given` is what the user of the conversation says, `results` what the model's tool calls returned."""

    task: str
    rules: str
    given: str
    results: Sequence[str]
    rounds: int
    """Turns of the model so far."""
    text: str
    """All that is counted as input."""

    @classmethod
    def of(cls, asked: dict[str, Any]) -> Prompt:
        by_role: dict[str, list[str]] = {}
        for message in asked["messages"]:
            by_role.setdefault(message["role"], []).append(_text(message.get("content")))
        rules = "\n".join(by_role.get("system", []))
        task = next((task for task, first in _FIRST_LINES.items() if rules.startswith(first)), "unknown")
        given, results = "\n".join(by_role.get("user", [])), by_role.get("tool", [])
        calls = [call["function"] for message in asked["messages"] for call in message.get("tool_calls") or ()]
        more = [calls, asked.get("tools") or [], asked.get("response_format") or {}]
        counted = "\n".join([rules, given, *results, *by_role.get("assistant", []), *map(json.dumps, more)])
        return cls(task, rules, given, results, len(by_role.get("assistant", [])), counted)

    @property
    def everything(self) -> str:
        return "\n".join([self.rules, self.given, *self.results])

    def section(self, tag: str) -> str:
        """The text of a section; empty if there is none."""
        match = re.search(rf"^<{tag}>\n(.*?)^</{tag}>$", f"{self.rules}\n{self.given}", re.DOTALL | re.MULTILINE)
        return _SECONDS.sub("", match[1]) if match else ""

    def outside(self) -> str:
        """What is said around the sections."""
        return re.sub(r"^<(\w+)>\n.*?^</\1>$", "", self.given, flags=re.DOTALL | re.MULTILINE)

    def messages(self, tag: str = "messages") -> list[PromptMessage]:
        return [*_lines(self.section(tag))]

    def shown(self, tag: str) -> str:
        """A section with one form of time for all lines; `outside` is what is around the sections."""
        if tag == "outside":
            return self.outside()
        said = [f"{line.said} {line.text}" for line in self.messages(tag)]
        return "\n".join(said) or self.section(tag)

    def finds(self, text: str) -> bool:
        """Whether the results have the text, or the number of the conclusion that was shown before."""
        results = "\n".join(self.results)
        shown = [number for line in _SHOWN_BEFORE.findall(results) for number in line.split(", ")]
        return text in results or self.number_of(text) in shown

    def number_of(self, text: str) -> str | None:
        """The label of the first line that has a label and contains the text."""
        match = re.search(rf"^\[(?:id:)?([^\]]+)\][^\n]*{re.escape(text)}", self.everything, re.MULTILINE)
        return match[1] if match else None


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content)
    return content or ""


def _lines(section: str) -> Iterator[PromptMessage]:
    """The messages of a section; a line with a bar belongs to the message before it. A day may have its own line."""
    current, day, offset = [""], "", ""
    for line in [*section.splitlines(), ""]:
        if line.startswith(BAR):
            current.append(line)
            continue
        if match := _SAID.fullmatch(current[0]):
            said = f"{match['day'] or day} {match['time']}{match['offset'] or offset}"
            yield PromptMessage(match["label"] or "", said, "\n".join([match["text"], *current[1:]]))
        elif match := _DAY.fullmatch(current[0]):
            day, offset = match["day"], match["offset"] or ""
        current = [line]
