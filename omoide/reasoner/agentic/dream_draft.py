"""Collect the changes of a dream: the writing tools, which store nothing yet.

A new conclusion must cite conclusions of the dreaming pair that the model was shown. It may also cite conclusions
drafted earlier in the dream, by their temporary names, which are replaced by their sources.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from omoide.core.records import Conclusion, Derived, Json, Replacement
from omoide.reasoner.agentic.degenerate import is_degenerate
from omoide.reasoner.agentic.dream_arguments import (
    Contradiction,
    Contradictions,
    Deduction,
    Deductions,
    Deletion,
    DreamPlan,
    Finish,
    Induction,
    Inductions,
    OldAndNew,
    Replacements,
    Rewordings,
)
from omoide.reasoner.agentic.dream_merges import Merges
from omoide.reasoner.agentic.formatting import MOST_OF_MESSAGE, single
from omoide.reasoner.agentic.prompt_templates import inline, neutral, plain
from omoide.reasoner.agentic.tools import REFUSED, Arguments, Tool, bare_id, read_item
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Dreamed, DreamTask

MOST_AT_ONCE = 50
"""Maximum conclusions per call."""
MOST_DRAWN = 200
"""Maximum conclusions per dream."""
MOST_TEXTS = 40
"""Maximum premises or sources stored with a conclusion."""
FEWEST_SOURCES = {"deductive": 1, "inductive": 2, "contradiction": 2}

A = TypeVar("A", bound=Arguments)
Drawn = Literal["deductive", "inductive", "contradiction"]


class Draft:
    """The changes of one dream. The evidence of `memory` and the task's conclusions may be cited."""

    def __init__(self, task: DreamTask, memory: MemoryView) -> None:
        self._task = task
        self._memory = memory
        self._drawn: dict[str, Derived] = {}
        self._outdated: dict[str, None] = {}
        self._replaced: dict[str, str] = {}
        """Explicit conclusion → the one that took its place."""
        self._merges = Merges()

    def deductive(self) -> list[Tool[Any]]:
        return [
            Tool(
                "create_observations_deductive",
                "Keep what follows of necessity from conclusions.",
                Deductions,
                self.deduce,
            ),
            Tool(
                "create_observations_contradiction",
                "Keep that conclusions contradict each other, where neither replaces the other.",
                Contradictions,
                self.contradict,
            ),
            Tool(
                "replace_observations",
                "Say that an explicit conclusion holds no longer, because a later one gives another value of the same.",
                Replacements,
                self.replace,
            ),
            *self._tidying(),
        ]

    def inductive(self) -> list[Tool[Any]]:
        return [
            Tool("create_observations_inductive", "Keep patterns that conclusions show.", Inductions, self.induce),
            *self._tidying(),
        ]

    def _tidying(self) -> list[Tool[Any]]:
        return [
            Tool(
                "delete_observations",
                "Take away derived conclusions that no longer hold. What was said, the explicit ones, always stays.",
                Deletion,
                self.delete,
            ),
            Tool(
                "merge_observations",
                "Keep one of several conclusions that say the same in other words.",
                Rewordings,
                self.merge,
            ),
        ]

    def finish(self) -> Tool[Any]:
        return Tool("finish_consolidation", "Say that all is done.", Finish, self._finish, is_last=True)

    async def apply(self, plan: DreamPlan) -> str:
        """Make all changes of a plan, and return what became of them."""
        results = (
            await self.deduce(Deductions(observations=plan.deductions)),
            await self.contradict(Contradictions(observations=plan.contradictions)),
            await self.induce(Inductions(observations=plan.patterns)),
            await self.replace(Replacements(replacements=plan.replacements)),
            await self.delete(Deletion(observation_ids=plan.deleted_ids)),
            await self.merge(Rewordings(merges=plan.merges)),
        )
        return "\n".join(results)

    def is_gone(self, id: str) -> bool:
        """Whether a conclusion was deleted, replaced, or merged into another one."""
        return id in self._outdated or id in self._replaced or self._merges.kept(id) != id

    @property
    def shown(self) -> str:
        """The conclusions drafted so far, with the names to cite them by; neutralized."""
        return "\n".join(f"[{name}] {each.level}: {neutral(each.content)}" for name, each in self._drawn.items())

    def dreamed(self) -> Dreamed:
        """Return the changes. Citations of a deleted conclusion become those of its sources, and citations of a merged
        or replaced one those of the one that is kept."""
        known = self._known()
        derived = []
        for each in self._drawn.values():
            lasting = _lasting(each.source_ids, known, self._outdated)
            kept = dict.fromkeys(map(self._merges.kept, lasting))
            sources = tuple(dict.fromkeys(self._replaced.get(id, id) for id in kept))
            if len(sources) >= FEWEST_SOURCES[each.level]:
                derived.append(Derived(each.level, each.content, sources, each.details))
        replaced = [Replacement(old, new) for old, new in self._replaced.items()]
        return Dreamed(derived, self._merges.records(), [*self._outdated], replaced)

    async def deduce(self, given: Deductions) -> str:
        return self._draw(given.observations, Deduction, self._add_deduction)

    async def contradict(self, given: Contradictions) -> str:
        return self._draw(given.observations, Contradiction, self._add_contradiction)

    async def induce(self, given: Inductions) -> str:
        return self._draw(given.observations, Induction, self._add_pattern)

    async def merge(self, given: Rewordings) -> str:
        return self._merges.add(given.merges[:MOST_AT_ONCE], self._known(), {*self._outdated, *self._replaced})

    async def replace(self, given: Replacements) -> str:
        replaced, refused = 0, []
        for item in given.replacements[:MOST_AT_ONCE]:
            each = read_item(OldAndNew, item)
            if why := each if isinstance(each, str) else self._refusal_to_replace(each):
                refused.append(why)
            else:
                replaced += 1
        return f"{replaced} replaced." + "".join(f"\n{REFUSED}{each}" for each in refused)

    def _refusal_to_replace(self, given: OldAndNew) -> str:
        """Note that a conclusion takes the place of another one, or return why it does not."""
        known = self._known()
        old, new = (known.get(bare_id(id)) for id in (given.old_id, given.new_id))
        label = repr(inline(given.old_id[:80]))
        if old is None or new is None:
            return f"{label}: cite ids as they were given"
        if old.level != "explicit" or new.level != "explicit" or old.id == new.id:
            return f"{label}: both have to be explicit, and not the same"
        if new.said_at < old.said_at:
            return f"{label}: what replaces it was said before it"
        if self.is_gone(old.id) or self.is_gone(new.id) or old.id in self._replaced.values():
            return f"{label}: one of them is merged or replaced already"
        self._replaced[old.id] = new.id
        self._outdated.update((each.id, None) for each in known.values() if old.id in (each.source_ids or ()))
        return ""

    async def _finish(self, given: Finish) -> str:
        return "Noted."

    async def delete(self, given: Deletion) -> str:
        known = self._known()
        requested = [known.get(bare_id(id)) for id in given.observation_ids]
        gone = [each for each in requested if each is not None and each.level != "explicit"]
        self._outdated.update((each.id, None) for each in gone)
        said = sum(each is not None and each.level == "explicit" for each in requested)
        unknown = sum(each is None for each in requested)
        return f"{len(gone)} deleted; {said} are explicit and stay; {unknown} are not known."

    def _add_deduction(self, given: Deduction) -> str:
        return self._add("deductive", given, lambda _: {"premises": _texts(given.premises)})

    def _add_contradiction(self, given: Contradiction) -> str:
        return self._add("contradiction", given, lambda _: {"sources": _texts(given.sources)})

    def _add_pattern(self, given: Induction) -> str:
        """A pattern takes the place of older ones only once it is kept."""
        if why := self._add("inductive", given, lambda count: _pattern(given, count)):
            return why
        known = self._known()
        replaced = (known.get(bare_id(id)) for id in given.replaces_ids)
        self._outdated.update((old.id, None) for old in replaced if old and old.level == "inductive")
        return ""

    def _draw(self, observations: Sequence[Any], kind: type[A], add: Callable[[A], str]) -> str:
        """Keep what can be kept, and return the result for the model; `add` returns why it refuses one."""
        created, refused = 0, []
        for given in observations[:MOST_AT_ONCE]:
            each = read_item(kind, given)
            if why := each if isinstance(each, str) else add(each):
                refused.append(f"{_label(given)}: {why}")
            else:
                created += 1
        if len(observations) > MOST_AT_ONCE:
            refused.append(f"the last {len(observations) - MOST_AT_ONCE}: at most {MOST_AT_ONCE} at once")
        return f"{created} created." + "".join(f"\n{REFUSED}{each}" for each in refused)

    def _add(self, level: Drawn, given: Deduction | Contradiction | Induction, details: Callable[[int], Json]) -> str:
        """Keep a conclusion, or return why it is refused. `details` takes the number of its sources."""
        content, sources = _stored(given.content), self._sources(given.source_ids)
        if why := self._refusal(level, content, sources):
            return why
        rests_on = sources or ()
        self._drawn[f"new-{len(self._drawn) + 1}"] = Derived(level, content, rests_on, details(len(rests_on)))
        return ""

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


def _label(given: Any) -> str:
    """The beginning of what an item says."""
    content = given.get("content") if isinstance(given, dict) else given
    return repr(inline(str(content)[:80]))


def _folded(content: str) -> str:
    return single(content).casefold()
