"""Where the lines of a card come from: a caller, or conclusions that state what they tell.

Sources of lines are not recorded. They are found by value: a line that no current conclusion states has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omoide.core.clock import FIRST
from omoide.core.index_text import words
from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.core.records import Conclusion
from omoide.services.container import Services
from omoide.storage import Transaction, cards, conclusions, peers
from omoide.storage.cards import CardSnapshot

with lazy_import("omoide.reasoner.extractive.card"):
    from omoide.reasoner.extractive import card as card_lines

MOST_READ = 2_000
"""Newest current conclusions of the pair that are compared with lines."""
MOST_COMPARED = 50
"""Of these, those that share a word with a line are compared with it, up to this many: each takes up to 2 ms."""
MOST_SOURCES = 20
"""Maximum number of conclusions per line."""


@dataclass(frozen=True, slots=True)
class CardLine:
    """`is_given`: whether a caller wrote it. `sources` are the conclusions that state it, the last said first."""

    line: str
    is_given: bool
    sources: Sequence[str]


async def of_card(services: Services, workspace_id: str, observer_id: str, observed_id: str) -> list[CardLine]:
    """The lines of a card; empty if there is none."""
    asked = (workspace_id, observer_id, observed_id)
    card, known = await services.store.read_offloaded(_read, *asked)
    return await offload(_lines, card, known, observed_id)


def _read(
    db: Transaction, workspace_id: str, observer_id: str, observed_id: str
) -> tuple[CardSnapshot, Sequence[Conclusion]]:
    observer = peers.find(db, workspace_id, observer_id)
    card = CardSnapshot() if observer is None else cards.kept(db, observer.pk, observed_id)
    pair = conclusions.pair(db, workspace_id, observer_id, observed_id) if card.lines else None
    return card, () if pair is None else conclusions.said_after(db, workspace_id, pair, FIRST, MOST_READ)


def _lines(card: CardSnapshot, known: Sequence[Conclusion], peer_id: str) -> list[CardLine]:
    by_word: dict[str, list[Conclusion]] = {}
    for each in known:
        for word in {*words(each.content)}:
            by_word.setdefault(word, []).append(each)
    return [CardLine(line, line not in card.own, _sources(line, by_word, peer_id)) for line in card.lines]


def _sources(line: str, by_word: dict[str, list[Conclusion]], peer_id: str) -> list[str]:
    """The conclusions that state the value of a line; those that share its rarest words are compared first."""
    values = {word for slot in card_lines.slots_of_line(line, peer_id) for word in words(slot.value)}
    sharing = sorted((by_word[word] for word in values if word in by_word), key=len)
    candidates = {each.id: each for some in sharing for each in some}
    compared = [*candidates.values()][:MOST_COMPARED]
    stating = [each for each in compared if card_lines.tells_any([line], [each.content], peer_id)]
    stating.sort(key=lambda each: (each.said_at, each.pk), reverse=True)
    return [each.id for each in stating[:MOST_SOURCES]]
