"""Collect the changes of a dream: the writing tools, which store nothing yet.

A new conclusion must cite conclusions of the dreaming pair that the model was shown. It may also cite conclusions
drafted earlier in the dream, by their temporary names, which are replaced by their sources.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import Field

from omoide.core.records import Conclusion, Derived, Json
from omoide.reasoner.agentic.degenerate import is_degenerate
from omoide.reasoner.agentic.dream_merges import Merges, Rewordings
from omoide.reasoner.agentic.formatting import MOST_OF_MESSAGE, single
from omoide.reasoner.agentic.prompt_templates import inline, neutral, plain
from omoide.reasoner.agentic.tools import Arguments, Tool, bare_id
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Dreamed, DreamTask

MOST_AT_ONCE = 50
"""Maximum conclusions per call."""
MOST_DRAWN = 200
"""Maximum conclusions per dream."""
MOST_TEXTS = 40
"""Maximum premises or sources stored with a conclusion."""
FEWEST_SOURCES = {"deductive": 1, "inductive": 2, "contradiction": 2}

Drawn = Literal["deductive", "inductive", "contradiction"]


class Deduction(Arguments):
    content: str = Field(description="What follows, complete in itself.")
    source_ids: list[str] = Field(description="Ids of the conclusions that it follows from.")
    premises: list[str] = Field(default_factory=list, description="What these say, in short.")


class Deductions(Arguments):
    observations: list[Deduction]


class Contradiction(Arguments):
    content: str = Field(description="What contradicts what, with both sides and their dates.")
    source_ids: list[str] = Field(description="Ids of the conclusions that contradict each other: two at the least.")
    sources: list[str] = Field(default_factory=list, description="What these say, in short.")


class Contradictions(Arguments):
    observations: list[Contradiction]


class Induction(Arguments):
    content: str = Field(description="The pattern, complete in itself.")
    source_ids: list[str] = Field(description="Ids of the conclusions that show it: two at the least.")
    sources: list[str] = Field(default_factory=list, description="What these say, in short.")
    replaces_ids: list[str] = Field(
        default_factory=list, description="Ids of inductive conclusions whose place it takes, such as an older count."
    )
    pattern_type: Literal["preference", "behavior", "personality", "tendency", "correlation"] = "tendency"
    confidence: Literal["high", "medium", "low"] = "medium"


class Inductions(Arguments):
    observations: list[Induction]


class Deletion(Arguments):
    observation_ids: list[str] = Field(description="Ids of derived conclusions that no longer hold.")


class Finish(Arguments):
    summary: str = ""


class Draft:
    """The changes of one dream. The evidence of `memory` and the task's conclusions may be cited."""

    def __init__(self, task: DreamTask, memory: MemoryView) -> None:
        self._task = task
        self._memory = memory
        self._drawn: dict[str, Derived] = {}
        self._outdated: dict[str, None] = {}
        self._merges = Merges()

    def deductive(self) -> list[Tool[Any]]:
        return [
            Tool(
                "create_observations_deductive",
                "Keep what follows of necessity from conclusions.",
                Deductions,
                self._deduce,
            ),
            Tool(
                "create_observations_contradiction",
                "Keep that conclusions contradict each other, where neither replaces the other.",
                Contradictions,
                self._contradict,
            ),
            Tool(
                "delete_observations",
                "Take away derived conclusions that no longer hold. What was said, the explicit ones, always stays.",
                Deletion,
                self._delete,
            ),
            Tool(
                "merge_observations",
                "Keep one of several conclusions that say the same in other words.",
                Rewordings,
                self._merge,
            ),
        ]

    def inductive(self) -> list[Tool[Any]]:
        return [Tool("create_observations_inductive", "Keep patterns that conclusions show.", Inductions, self._induce)]

    def finish(self) -> Tool[Any]:
        return Tool("finish_consolidation", "Say that all is done.", Finish, self._finish)

    @property
    def shown(self) -> str:
        """The conclusions drafted so far, with the names to cite them by; neutralized."""
        return "\n".join(f"[id:{name}] {each.level}: {neutral(each.content)}" for name, each in self._drawn.items())

    def dreamed(self) -> Dreamed:
        """Return the changes. Citations of a deleted conclusion are replaced by its sources, and those of a merged one
        by the one that was kept."""
        known = self._known()
        derived = []
        for each in self._drawn.values():
            lasting = _lasting(each.source_ids, known, self._outdated)
            sources = tuple(dict.fromkeys(map(self._merges.kept, lasting)))
            if len(sources) >= FEWEST_SOURCES[each.level]:
                derived.append(Derived(each.level, each.content, sources, each.details))
        return Dreamed(derived=derived, merged=self._merges.records(), outdated=[*self._outdated])

    async def _deduce(self, given: Deductions) -> str:
        return self._draw("deductive", given.observations, lambda each, _: {"premises": _texts(each.premises)})

    async def _contradict(self, given: Contradictions) -> str:
        return self._draw("contradiction", given.observations, lambda each, _: {"sources": _texts(each.sources)})

    async def _induce(self, given: Inductions) -> str:
        """A pattern takes the place of older ones only once it is kept, in words of its own."""
        before = {*self._drawn}
        result = self._draw("inductive", given.observations, _pattern)
        kept = {each.content for name, each in self._drawn.items() if name not in before}
        known = self._known()
        for each in given.observations[:MOST_AT_ONCE]:
            if _stored(each.content) in kept:
                replaced = (known.get(bare_id(id)) for id in each.replaces_ids)
                self._outdated.update((old.id, None) for old in replaced if old and old.level == "inductive")
        return result

    async def _merge(self, given: Rewordings) -> str:
        return self._merges.add(given.merges[:MOST_AT_ONCE], self._known(), self._outdated)

    async def _finish(self, given: Finish) -> str:
        return "Noted. Answer with a short sentence and no further calls."

    async def _delete(self, given: Deletion) -> str:
        known = self._known()
        requested = [known.get(bare_id(id)) for id in given.observation_ids]
        gone = [each for each in requested if each is not None and each.level != "explicit"]
        self._outdated.update((each.id, None) for each in gone)
        said = sum(each is not None and each.level == "explicit" for each in requested)
        unknown = sum(each is None for each in requested)
        return f"{len(gone)} deleted; {said} are explicit and stay; {unknown} are not known."

    def _draw(self, level: Drawn, observations: Sequence[Any], details: Callable[[Any, int], Json]) -> str:
        created, refused = 0, []
        for each in observations[:MOST_AT_ONCE]:
            content = _stored(each.content)
            sources = self._sources(each.source_ids)
            if why := self._refusal(level, content, sources):
                refused.append(f"{inline(content[:80])!r}: {why}")
                continue
            rests_on = sources or ()
            name = f"new-{len(self._drawn) + 1}"
            self._drawn[name] = Derived(level, content, rests_on, details(each, len(rests_on)))
            created += 1
        if len(observations) > MOST_AT_ONCE:
            refused.append(f"the last {len(observations) - MOST_AT_ONCE}: at most {MOST_AT_ONCE} at once")
        return f"{created} created." + "".join(f"\nRefused {each}" for each in refused)

    def _refusal(self, level: Drawn, content: str, sources: tuple[str, ...] | None) -> str:
        """Return why a conclusion is refused; empty if it is accepted."""
        if not content:
            return "it says nothing"
        if is_degenerate(content):
            return "it repeats itself"
        if sources is None:
            return "one of its sources is not known; cite ids as they were given"
        if len(sources) < FEWEST_SOURCES[level]:
            return f"it needs {FEWEST_SOURCES[level]} sources or more"
        existing = [
            *(each.content for each in self._known().values()),
            *(each.content for each in self._drawn.values()),
        ]
        if _folded(content) in map(_folded, existing):
            return "it is known already"
        return "there are enough" if len(self._drawn) >= MOST_DRAWN else ""

    def _sources(self, ids: Sequence[str]) -> tuple[str, ...] | None:
        """Return the distinct ids of stored conclusions that these ids refer to; None if one of them is unknown."""
        known = self._known()
        resolved: dict[str, None] = {}
        for id in map(bare_id, ids):
            if id in self._drawn:
                resolved.update(dict.fromkeys(self._drawn[id].source_ids))
            elif id in known:
                resolved[id] = None
            else:
                return None
        return tuple(resolved)

    def _known(self) -> dict[str, Conclusion]:
        """Return the conclusions of the pair that the model was shown."""
        read = self._memory.evidence.conclusions.values()
        pair = (self._task.observer_id, self._task.observed_id)
        shown = (*self._task.conclusions, *read)
        return {each.id: each for each in shown if (each.observer_id, each.observed_id) == pair}


def _lasting(ids: Sequence[str], known: dict[str, Conclusion], outdated: dict[str, None]) -> list[str]:
    """Replace the ids of deleted conclusions by those of their known sources, transitively."""
    lasting: list[str] = []
    waiting, met = [*ids], set()
    while waiting:
        id = waiting.pop(0)
        if id in met:
            continue
        met.add(id)
        if id not in outdated:
            lasting.append(id)
        else:
            waiting += [source for source in known[id].source_ids or () if source in known]
    return lasting


def _pattern(given: Induction, count: int) -> Json:
    """Return the details of a pattern. The number of sources limits its confidence."""
    most = "low" if count < 3 else "medium" if count < 5 else "high"
    order = ("low", "medium", "high")
    confidence = min(given.confidence, most, key=order.index)
    return {"sources": _texts(given.sources), "pattern_type": given.pattern_type, "confidence": confidence}


def _texts(given: Sequence[str]) -> list[str]:
    texts = (single(plain(each))[:MOST_OF_MESSAGE] for each in given[:MOST_TEXTS])
    return [text for text in texts if text]


def _stored(content: str) -> str:
    """The content of a new conclusion in the form in which it is stored."""
    return single(plain(content))[:MOST_OF_MESSAGE]


def _folded(content: str) -> str:
    return single(content).casefold()
