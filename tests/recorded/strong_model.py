"""A language model at an OpenAI-compatible endpoint that answers as written down in `model.yaml`.

It looks in each request for what a reader would need to answer so. What is missing becomes a fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from omoide.inference.tokens import TokenCounter
from tests.inference.faulty_provider import ProviderConnection, answering, misbehaving
from tests.journeys.matching import Strict
from tests.recorded import requirements
from tests.recorded.prompt import BAR, Prompt, PromptMessage

NOT_KNOWN = "That is not known."
TOKENS = TokenCounter()


class RecordedFact(Strict):
    content: str
    since: str = ""
    until: str = ""
    repeats: list[str] = Field(default_factory=list)
    replaces: list[str] = Field(default_factory=list)
    corrects: list[str] = Field(default_factory=list)


class RecordedDerivation(Strict):
    message: str
    said: str = ""
    before: list[str] = Field(default_factory=list)
    known: list[str] = Field(default_factory=list)
    ends: list[str] = Field(default_factory=list)
    barred: list[str] = Field(default_factory=list)
    facts: list[RecordedFact]


class Needs(Strict):
    """`has` maps sections to texts in them; `outside` is what is around them, `results` those of tools."""

    has: dict[str, list[str]] = Field(default_factory=dict)
    lacks: list[str] = Field(default_factory=list)


class RecordedCall(Strict):
    tool: str
    arguments: dict[str, Any]


class RecordedSummary(Needs):
    kind: Literal["short", "long"]
    through: str
    text: str


class RecordedPhase(Needs):
    phase: Literal["deduction", "induction"]
    target: str
    rounds: list[list[RecordedCall]]


class RecordedCard(Needs):
    target: str
    lines: list[str]


class RecordedAnswer(Needs):
    """`needs`: texts without which the answer is not known; until they are there, the model looks for them.

    With `looks_first` it looks whatever it was given. `finds` and `passes_over` are texts that the results of looking
    have, and have not; `once`: texts that are there only once.
    """

    question: str
    peer: str | None = None
    about: str | None = None
    session: str | None = None
    valid_at: str | None = None
    looks_first: bool = False
    finds: list[str] = Field(default_factory=list)
    passes_over: list[str] = Field(default_factory=list)
    once: list[str] = Field(default_factory=list)
    needs: list[str] = Field(default_factory=list)
    looks: list[RecordedCall] = Field(default_factory=list)
    answer: str


class Recording(Strict):
    every: dict[str, list[str]]
    derive: list[RecordedDerivation]
    summaries: list[RecordedSummary]
    dreams: list[RecordedPhase]
    cards: list[RecordedCard]
    answers: list[RecordedAnswer]


def recording() -> Recording:
    return Recording.model_validate(yaml.load(Path(__file__).with_name("model.yaml").read_text(), yaml.CSafeLoader))


class StrongModel:
    """`faults` says what requests have lost, and `unused` which records nothing asked for."""

    def __init__(self, recorded: Recording) -> None:
        self.faults: list[str] = []
        self.prompts: list[Prompt] = []
        self._recorded = recorded
        self._used: set[int] = set()

    def __call__(self, connection: ProviderConnection, asked: dict[str, Any]) -> None:
        prompt = Prompt.of(asked)
        self.prompts.append(prompt)
        try:
            message = self.answer(prompt)
        except Exception as error:  # a server thread has nobody to raise it to
            self.faults.append(f"{prompt.task}: {error!r}")
            raise OSError from error
        reason = "tool_calls" if "tool_calls" in message else "stop"
        count, said = TOKENS.count(prompt.text), TOKENS.count(json.dumps(message))
        usage = {"prompt_tokens": count, "completion_tokens": said, "total_tokens": count + said}
        answering(message, reason, usage=usage)(connection, asked)

    @property
    def unused(self) -> list[str]:
        recorded = self._recorded
        groups = (recorded.derive, recorded.summaries, recorded.dreams, recorded.cards)
        return [repr(each)[:120] for group in groups for each in group if id(each) not in self._used]

    def answer(self, prompt: Prompt) -> dict[str, Any]:
        """The message of the model."""
        for name in self._recorded.every.get(prompt.task, ()):
            self._lost(prompt.task, requirements.ALL[name](prompt))
        match prompt.task:
            case "derive":
                return {"content": json.dumps({"facts": [*self._facts(prompt)]})}
            case "short" | "long":
                return {"content": self._summary(prompt)}
            case "card":
                return {"content": json.dumps({"lines": self._card(prompt)})}
            case "deduction" | "induction":
                return self._dream(prompt)
            case "answer":
                return self._answered(prompt)
        self.faults.append(f"an unknown request: {prompt.rules[:80]!r}")
        return {"content": NOT_KNOWN}

    def _lost(self, where: str, lost: Iterator[str]) -> bool:
        """Note what was lost; return whether something was."""
        found = [f"{where}: the prompt has lost {each}" for each in lost]
        self.faults += found
        return bool(found)

    def _facts(self, prompt: Prompt) -> Iterator[dict[str, Any]]:
        said = prompt.messages()
        for index, line in enumerate(said):
            if not line.label.isdigit():
                continue
            recorded = next((each for each in self._recorded.derive if each.message in line.text), None)
            if recorded is None:
                self.faults.append(f"derive: nothing is recorded for {line.text[:80]!r}")
                continue
            self._used.add(id(recorded))
            before = "\n".join(each.text for each in said[:index])
            if self._lost(f"derive, {recorded.message!r}", _lost_of(recorded, prompt, before, line)):
                continue
            for fact in recorded.facts:
                ends = {
                    key: [*map(prompt.number_of, getattr(fact, key))] for key in ("repeats", "replaces", "corrects")
                }
                yield {**fact.model_dump(), "message_ids": [int(line.label)], **ends}

    def _summary(self, prompt: Prompt) -> str:
        texts = [line.text for line in prompt.messages()]
        recorded = [each for each in self._recorded.summaries if each.kind == prompt.task and each.through in texts[-1]]
        if not recorded:
            self.faults.append(f"{prompt.task}: no summary is recorded through {texts[-1][:80]!r}")
            return NOT_KNOWN
        self._needs(f"{prompt.task} summary through {texts[-1][:40]!r}", recorded[0], prompt)
        return recorded[0].text

    def _card(self, prompt: Prompt) -> list[str]:
        recorded = next(each for each in self._recorded.cards if f"of {each.target}" in prompt.outside())
        self._needs(f"card of {recorded.target}", recorded, prompt)
        return recorded.lines

    def _dream(self, prompt: Prompt) -> dict[str, Any]:
        recorded = next(
            each
            for each in self._recorded.dreams
            if each.phase == prompt.task and f"knows about {each.target}" in prompt.outside()
        )
        self._needs(f"{recorded.phase} about {recorded.target}", recorded, prompt)
        if prompt.rounds >= len(recorded.rounds):
            return {"content": "There is nothing more to do."}
        return self._calls(f"{recorded.phase} about {recorded.target}", prompt, recorded.rounds[prompt.rounds])

    def _answered(self, prompt: Prompt) -> dict[str, Any]:
        question = prompt.section("question").strip()
        recorded = next((each for each in self._recorded.answers if each.question == question), None)
        if recorded is None:
            self.faults.append(f"answer: nothing is recorded for {question!r}")
            return {"content": NOT_KNOWN}
        where = f"answer to {question!r}"
        self._needs(where, recorded, prompt)
        missing = [text for text in recorded.needs if text not in prompt.everything]
        if (missing or recorded.looks_first) and prompt.rounds < len(recorded.looks):
            return self._calls(where, prompt, [recorded.looks[prompt.rounds]])
        self._lost(where, _lost_of_results(recorded, prompt))
        if not missing:
            return {"content": recorded.answer}
        self._lost(where, (f"what answers it, which was neither given nor found: {text!r}" for text in missing))
        return {"content": NOT_KNOWN}

    def _needs(self, where: str, recorded: Needs, prompt: Prompt) -> None:
        self._used.add(id(recorded))
        self._lost(where, _lost_of_sections(recorded, prompt))

    def _calls(self, where: str, prompt: Prompt, calls: list[RecordedCall]) -> dict[str, Any]:
        made = []
        for index, call in enumerate(calls):
            arguments = self._resolved(where, prompt, call.arguments)
            function = {"name": call.tool, "arguments": json.dumps(arguments)}
            made.append({"index": index, "id": f"c{prompt.rounds}-{index}", "type": "function", "function": function})
        return {"tool_calls": made}

    def _resolved(self, where: str, prompt: Prompt, value: Any) -> Any:
        """Replace `=text` by the number of the conclusion with this text."""
        if isinstance(value, dict):
            return {key: self._resolved(where, prompt, each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._resolved(where, prompt, each) for each in value]
        if not (isinstance(value, str) and value.startswith("=")):
            return value
        number = prompt.number_of(value[1:])
        if number is None:
            self._lost(where, iter([f"the conclusion {value[1:]!r}"]))
        return number or "?"


def _lost_of(recorded: RecordedDerivation, prompt: Prompt, before: str, line: PromptMessage) -> Iterator[str]:
    known = prompt.section("known")
    if recorded.said not in ("", line.said):
        yield f"when it was said, at its place: {recorded.said}; it shows {line.said}"
    yield from (f"what was said before: {text!r}" for text in recorded.before if text not in before)
    yield from (f"what is known already: {text!r}" for text in recorded.known if prompt.number_of(text) is None)
    yield from (f"an end of a long message before: {text!r}" for text in recorded.ends if text not in before)
    for text in recorded.barred:
        lines = [each for each in line.text.splitlines() if text in each]
        if not lines or not lines[0].startswith(BAR) or text in known:
            yield f"the bar before {text!r}"


def _lost_of_sections(recorded: Needs, prompt: Prompt) -> Iterator[str]:
    for tag, texts in recorded.has.items():
        section = prompt.shown(tag)
        yield from (f"{text!r} in its section {tag!r}" for text in texts if text not in section)
    yield from (f"its silence about {text!r}" for text in recorded.lacks if text in prompt.everything)


def _lost_of_results(recorded: RecordedAnswer, prompt: Prompt) -> Iterator[str]:
    yield from (f"what looking should find: {text!r}" for text in recorded.finds if not prompt.finds(text))
    yield from (f"the aim of looking: it finds {text!r}" for text in recorded.passes_over if prompt.finds(text))
    for text in recorded.once:
        if (count := prompt.everything.count(text)) != 1:
            yield f"its brevity: {text!r} is there {count} times"


@contextmanager
def strong_model(recorded: Recording) -> Iterator[tuple[StrongModel, str]]:
    """A running model, and its address."""
    model = StrongModel(recorded)
    with misbehaving(model) as provider:
        yield model, provider.url
