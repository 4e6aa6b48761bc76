"""Conversations and questions about them: our own, and LongMemEval and LoCoMo files that the user has downloaded.

LongMemEval (https://github.com/xiaowu0162/LongMemEval) and LoCoMo (https://github.com/snap-research/locomo) have their
own licences; nothing of them is here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

from benchmarks.answers import dataset
from benchmarks.recall.dataset import RecallTurn

WORKSPACE = ""
"""The peer of a question that is put to the memory of the whole workspace."""
LOCOMO_KINDS = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
LOCOMO_UNANSWERABLE = 5
MOST_CHARACTERS = 20_000
"""Longer turns become several messages: the API takes 25,000 characters."""
GAP = timedelta(seconds=30)
"""Between two turns of a session that has one time only."""


class InvalidFile(Exception):
    """The file is not in the format. The message says where."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question. `gold` is the answer in words, `wanted` the words that it must have, alternatives with `|`; both are
    empty for one that the conversation does not answer. `at`: when it is asked (ISO 8601), None for now."""

    id: str
    conversation: str
    kind: str
    peer: str
    question: str
    gold: str
    wanted: tuple[str, ...] = ()
    at: str | None = None
    is_answerable: bool = True


@dataclass(frozen=True, slots=True)
class Suite:
    """Conversations by name, and questions grouped by conversation. `groups`: name → conversations, for the report."""

    name: str
    conversations: Mapping[str, Sequence[RecallTurn]]
    items: Sequence[Item]
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)


def own(folders: Sequence[Path] = ()) -> Suite:
    """The conversations and questions of `make bench-answers`, and those of more folders in the same format."""
    every = [dataset.HERE / "data", *folders]
    conversations = dataset.conversations(every)
    asked = [each for each in dataset.questions(every) if each.conversation in conversations]
    texts = {name: {turn.id: turn for turn in turns} for name, turns in conversations.items()}
    items, numbers = [], Counter[str]()
    for each in asked:
        numbers[each.conversation] += 1
        id, gold = f"{each.conversation}:{numbers[each.conversation]}", _gold(each, texts[each.conversation])
        question = (id, each.conversation, each.kind, each.peer, each.question, gold, each.answer)
        items.append(Item(*question, is_answerable=each.is_answerable))
    names, held_out = {each.conversation for each in items}, dataset.held_out()
    groups = {"tuned on": frozenset(names - held_out), "held out": frozenset(names & held_out)}
    used = {name: turns for name, turns in conversations.items() if name in names}
    return Suite("own", used, items, {name: some for name, some in groups.items() if some})


def _gold(question: dataset.LabelledQuestion, turns: Mapping[str, RecallTurn]) -> str:
    """The short answer, and what the turns say that answer the question."""
    if not question.is_answerable:
        return ""
    short = ", ".join(item.replace("|", " or ") for item in question.answer)
    said = [f"{turns[id].peer}: {turns[id].content}" for id in question.evidence if id in turns]
    return "\n".join([short, *said])


def longmemeval(path: Path) -> Suite:
    """A file of LongMemEval: a list of questions, each with the sessions that answer it among others. A question whose
    id ends in `_abs` has no answer."""
    conversations, items = {}, []
    for number, row in enumerate(_list(path)):
        try:
            id, is_answerable = str(row["question_id"]), not str(row["question_id"]).endswith("_abs")
            kind = str(row["question_type"]) if is_answerable else "abstention"
            asked_at = _time(row["question_date"], "%Y/%m/%d (%a) %H:%M") if row.get("question_date") else None
            gold = str(row["answer"])
            question = (id, _id(id), kind, "user", str(row["question"]), gold if is_answerable else "")
            at = asked_at.isoformat() if asked_at else None
            items.append(Item(*question, words_of(gold) if is_answerable else (), at, is_answerable=is_answerable))
            conversations[_id(id)] = [*_longmemeval_turns(row)]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidFile(f"{path} is no file of LongMemEval: question {number}: {error!r}") from None
    return Suite("LongMemEval", conversations, items)


def _longmemeval_turns(row: Mapping[str, Any]) -> Iterator[RecallTurn]:
    dates = [_time(date, "%Y/%m/%d (%a) %H:%M") for date in row["haystack_dates"]]
    sessions = sorted(zip(dates, row["haystack_sessions"], strict=True), key=itemgetter(0))
    for number, (begun, turns) in enumerate(sessions, 1):
        yield from _turns(f"s{number}", begun, [(str(turn["role"]), str(turn["content"])) for turn in turns])


def locomo(path: Path) -> Suite:
    """A file of LoCoMo: conversations of two people in sessions, each with its questions. Those of category 5 have no
    answer. They are about either person, so the memory of the whole workspace answers."""
    conversations, items = {}, []
    for number, row in enumerate(_list(path)):
        try:
            name = _id(str(row.get("sample_id") or f"conversation-{number}"))
            conversations[name] = [*_locomo_turns(row["conversation"])]
            for position, asked in enumerate(row["qa"]):
                category = int(asked["category"])
                is_answerable = category != LOCOMO_UNANSWERABLE
                gold = str(asked["answer"]) if is_answerable else ""
                kind, wanted = LOCOMO_KINDS[category], words_of(gold)
                question = (f"{name}:{position}", name, kind, WORKSPACE, str(asked["question"]), gold, wanted)
                items.append(Item(*question, is_answerable=is_answerable))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidFile(f"{path} is no file of LoCoMo: conversation {number}: {error!r}") from None
    return Suite("LoCoMo", conversations, items)


def _locomo_turns(conversation: Mapping[str, Any]) -> Iterator[RecallTurn]:
    numbers = sorted(int(key[8:]) for key in conversation if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        begun = _time(conversation[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y")
        said = [(str(turn["speaker"]), _with_picture(turn)) for turn in conversation[f"session_{number}"]]
        yield from _turns(f"session_{number}", begun, said)


def _with_picture(turn: Mapping[str, Any]) -> str:
    caption = turn.get("blip_caption")
    return f"{turn['text']} [shares a picture: {caption}]" if caption else str(turn["text"])


def _turns(session: str, begun: datetime, said: Sequence[tuple[str, str]]) -> Iterator[RecallTurn]:
    for position, (speaker, content) in enumerate(said):
        at = (begun + position * GAP).isoformat()
        for start in range(0, max(1, len(content)), MOST_CHARACTERS):
            id = f"{session}:{position}:{start}"
            yield RecallTurn(id, session, _id(speaker), content[start : start + MOST_CHARACTERS], at)


def words_of(gold: str) -> tuple[str, ...]:
    """The words of an answer, each of which an answer should have."""
    return (*dict.fromkeys(re.findall(r"\w+", gold.lower())),)


def _time(text: object, form: str) -> datetime:
    return datetime.strptime(str(text).strip(), form).replace(tzinfo=UTC)


def _id(name: str) -> str:
    """The name as an id of a workspace or peer."""
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", name)[:200] or "_"


def _list(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidFile(f"{path} cannot be read: {error}") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise InvalidFile(f"{path} is not a list of objects")
    return found
