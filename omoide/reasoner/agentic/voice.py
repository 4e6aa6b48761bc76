"""Say streamed text as far as it is certain to be part of the answer."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta, ThinkingPart, ToolCallPart

from omoide.reasoner.agentic.degenerate import is_degenerate
from omoide.reasoner.agentic.text_calls import MARK
from omoide.reasoner.agentic.thoughts import ThoughtFilter

HELD = 240
"""Characters held back in a streamed turn with tools. Text that models write before a tool call is usually shorter."""
LONGEST_MARK = 80
"""Characters at the end that are held back if they may be the beginning of a call."""
LOOKED_AT = 4_000
LOOK_EVERY = 500
"""Last characters that are searched for repetition, and how often."""


class Voice:
    """Buffers streamed text until it is certain not to be thoughts or a call, nor to precede one.

    `held` characters are held back in any case. With `holds_thoughts`, the whole text is, unless it shows that it is
    not thoughts: the model may close thoughts that it did not open.
    """

    def __init__(self, say: Callable[[str], None], *, held: int, holds_thoughts: bool) -> None:
        self.has_spoken = False
        self.has_heard = False
        """Whether text has come that is no thought, as far as can be told."""
        self.is_looping = False
        """Whether the text has begun to repeat itself."""
        self.thoughts = ThoughtFilter(holds=holds_thoughts)
        self._say = say
        self._held = held
        self._waiting = ""
        self._line = ""
        """What was said of the current line."""
        self._calls = False
        self._recent = ""
        self._unchecked = 0

    def hear(self, event: object) -> None:
        if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
            self._hear_text(event.part.content)
        elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
            self._hear_text(event.delta.content_delta)
        elif isinstance(event, PartStartEvent) and isinstance(event.part, ToolCallPart):
            self._calls = True
        elif isinstance(event, PartStartEvent) and isinstance(event.part, ThinkingPart):
            self.thoughts.release()

    def finish(self, *, is_answer: bool) -> None:
        """Say the rest, unless the text was a call, or nothing."""
        self._waiting += self.thoughts.end()
        if is_answer and not self.is_looping:
            self._speak(len(self._waiting))

    def _hear_text(self, text: str) -> None:
        self._waiting += self.thoughts.feed(text)
        self.has_heard = self.has_heard or (bool(text.strip()) and not self.thoughts.is_thinking)
        self._look_for_loops(text)
        if self._calls or not (self.has_spoken or len(self._waiting) > self._held):
            return
        line = self._line
        match = MARK.search(line + self._waiting)
        if match is not None:
            self._calls = True  # perhaps: it is decided at the end
            self._speak(max(0, match.start() - len(line)))
        else:
            self._speak(len(self._waiting) - _unfinished(self._waiting))

    def _look_for_loops(self, text: str) -> None:
        self._recent = (self._recent + text)[-LOOKED_AT:]
        self._unchecked += len(text)
        if self._unchecked >= LOOK_EVERY:
            self._unchecked = 0
            self.is_looping = is_degenerate(self._recent)

    def _speak(self, count: int) -> None:
        said, self._waiting = self._waiting[:count], self._waiting[count:]
        if not self.has_spoken:
            said = said.lstrip()
        if said:
            self._say(said)
            self.has_spoken = True
            self._line = (self._line + said).rpartition("\n")[2][-LONGEST_MARK:]


def _unfinished(text: str) -> int:
    """How many characters at the end may be the beginning of a call."""
    tail = text[-LONGEST_MARK:]
    line = tail.rpartition("\n")[2]
    if "\n" in tail and line.strip()[:1] in ("", "`", "{", "[", "<", ">"):
        return len(line)
    start = max(tail.rfind("<"), tail.rfind("["))
    return len(tail) - start if start >= 0 and not any(end in tail[start:] for end in ">]") else 0
