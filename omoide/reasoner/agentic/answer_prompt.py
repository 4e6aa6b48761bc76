"""The prompt of an answer: its rules, and what is known, cut to what the model has room for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omoide.core.clock import now
from omoide.core.records import Moment
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.formatting import CUT, present, truncate
from omoide.reasoner.agentic.model_client import Opening
from omoide.reasoner.agentic.tool_loop import Finding
from omoide.reasoner.protocol import Question
from omoide.reasoner.representation import time as time_text

MOST_FINDINGS = 160_000
"""Maximum characters of findings in the last turn; the newest are kept."""
GIVEN_SHARE = 0.5
"""Share of a limited prompt for what was looked up beforehand, if there are findings as well."""
CARD_SHARE, INSTRUCTIONS_SHARE = 0.15, 0.15
"""Shares of a limited prompt for the cards and for custom instructions."""
LEAST_GIVEN = 400
"""Characters that the sections have in any case."""

NEWEST_LAST = frozenset({"history", "recent"})
WHOLE = "These are all messages that there are."

RULES, GIVEN = prompt_templates.load("answer.rules"), prompt_templates.load("answer.given")
MOMENTS = {name: prompt_templates.load(f"answer.moment.{name}") for name in ("as_of", "valid_at")}
VIEWS = {name: prompt_templates.load(f"answer.view.{name}") for name in ("self", "other", "workspace")}


@dataclass(frozen=True, slots=True)
class AnswerPrompt:
    """What an answer is made from. `conclusions`, `derived` and `messages` have the best first, `recent` and `history`
    the newest last."""

    question: Question
    conclusions: str = ""
    derived: str = ""
    messages: str = ""
    recent: str = ""
    """What was said and is in no conclusion yet."""
    history: str = ""
    summary: str = ""
    is_whole: bool = False
    """Whether `recent`, or `history` of a pinned session, is all that was said."""
    utc_offset: int | None = None
    """Minutes east of UTC where the peer was last heard."""

    def opening(self, most: int | None = None, extra_rules: str = "") -> Opening:
        """Return the first request, of about `most` characters."""
        rules = rules_for(self.question, most)
        if extra_rules:
            rules = f"{rules}\n\n{extra_rules}"
        return Opening(rules, self._given(None if most is None else most - len(rules)))

    def last(self, wish: str, findings: Sequence[Finding], most: int | None = None) -> Opening:
        """Return the request without tools: all findings and `wish` follow."""
        if most is None:
            return with_findings(self.opening(), wish, findings)
        rules = rules_for(self.question, most)
        room = max(most - len(rules) - len(wish), LEAST_GIVEN)
        opening = Opening(rules, self._given(int(room * GIVEN_SHARE) if findings else room))
        return with_findings(opening, wish, findings, max(room - len(opening.given), LEAST_GIVEN))

    def _given(self, most: int | None) -> str:
        texts = {
            "conclusions": self.conclusions,
            "recent": self.recent,
            "messages": self.messages,
            "derived": self.derived,
            "history": self.history,
            "summary": self.summary,
        }
        if most is not None:
            texts = _cut_to(texts, max(most - len(self.question.query), LEAST_GIVEN))
        sections = {tag: prompt_templates.section(tag, text) for tag, text in texts.items()}
        question = prompt_templates.section("question", self.question.query)
        is_whole = self.is_whole and (texts["recent"], texts["history"]) == (self.recent, self.history)
        at = present(_now(self.question.moment), self.utc_offset)
        return prompt_templates.fill(GIVEN, question=question, whole=WHOLE if is_whole else "", now=at, **sections)


def _cut_to(texts: dict[str, str], most: int) -> dict[str, str]:
    """Cut the texts to a number of characters in total, the first ones least."""
    remaining = most
    others = sum(len(text) for text in texts.values())
    kept: dict[str, str] = {}
    for tag, text in texts.items():
        others -= len(text)
        allowed = max(remaining - others, int(remaining * 0.6))
        kept[tag] = _lines(text, allowed, newest=tag in NEWEST_LAST)
        remaining = max(remaining - len(kept[tag]), 0)
    return kept


def _lines(text: str, most: int, *, newest: bool) -> str:
    """Return whole lines of at most `most` characters in total, from the beginning or the end of the text."""
    if len(text) <= most:
        return text
    lines, kept, length = text.split("\n"), list[str](), 0
    for line in reversed(lines) if newest else lines:
        length += len(line) + 1
        if length > most:
            break
        kept.append(line)
    if not kept:
        return truncate(lines[-1] if newest else lines[0], most) if most > len(CUT) else ""
    return "\n".join(reversed(kept) if newest else kept)


def rules_for(question: Question, most: int | None = None) -> str:
    """Build the instructions: the constant rules first, then the pair, the cards and custom instructions.

    In a prompt of at most `most` characters, cards and custom instructions are cut.
    """
    observer, target = question.observer_id, question.target_id
    view = "workspace" if observer is None or target is None else "self" if observer == target else "other"
    names = {"observer": prompt_templates.inline(observer or ""), "target": prompt_templates.inline(target or "")}
    cards = "\n".join([*_headed(observer, question.observer_card), *_headed(target, question.target_card)])
    instructions = question.instructions or ""
    if most is not None:
        cards = _lines(cards, int(most * CARD_SHARE), newest=False)
        instructions = truncate(instructions, int(most * INSTRUCTIONS_SHARE))
    return prompt_templates.fill(
        RULES,
        view=prompt_templates.fill(VIEWS[view], **names),
        moment=_present(question.moment),
        card=prompt_templates.section("card", cards),
        instructions=prompt_templates.section("instructions", instructions),
    )


def with_findings(opening: Opening, wish: str, findings: Sequence[Finding], most: int = MOST_FINDINGS) -> Opening:
    """Append the findings and the next request to the opening.

    The findings are plain text, because some providers accept neither tool calls nor their results in a request
    without tools. The newest are kept, and the beginning of one that does not fit.
    """
    kept: list[str] = []
    remaining = most
    for each in reversed(findings):
        text = f"{prompt_templates.inline(each.tool)} {prompt_templates.inline(each.arguments)}\n{each.result}"
        if len(text) > remaining:
            if remaining >= LEAST_GIVEN:
                kept.append(truncate(text, remaining))
            break
        remaining -= len(text)
        kept.append(text)
    shown = prompt_templates.section("findings", "\n\n".join(reversed(kept)))
    return Opening(opening.rules, f"{opening.given}\n\n{shown}{wish}")


def _now(moment: Moment) -> int:
    """The present of a question."""
    return next((at for at in (moment.valid_at, moment.as_of) if at is not None), now())


def _present(moment: Moment) -> str:
    """State the instants that the question is about; empty if it is about now."""
    texts = [
        prompt_templates.fill(MOMENTS[name], instant=f"{time_text(at)} UTC")
        for name, at in (("as_of", moment.as_of), ("valid_at", moment.valid_at))
        if at is not None
    ]
    return "\n".join(texts)


def _headed(peer_id: str | None, card: Sequence[str]) -> list[str]:
    if not card:
        return []
    return [f"{prompt_templates.inline(peer_id or '')}:", *(f"- {' '.join(line.split())}" for line in card)]
