"""Separate an answer from the thoughts that a model writes into its text, as a whole or while it is streamed. Pure.

Thoughts have tags of many names and shapes (`thoughts.toml`). A model may close them without having opened them,
because its chat template did; and a tag may come in pieces of any size.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources

from omoide.core.surrogates import ends_with_half, repaired_text

_FILE = tomllib.loads(resources.files(__package__).joinpath("thoughts.toml").read_text(encoding="utf-8"))

MOST_OF_MARK = 160
"""Characters of the longest mark or tag with its attributes."""
_QUOTES = "`'\"“‘«"
_BEGINNINGS = "<[◁"
_ENDS = ">]▷"


def _names(*lists: str) -> str:
    names = (name for each in lists for name in _FILE[each])
    return "|".join(re.escape(name).replace("_", "[-_ ]?") for name in sorted(names, key=len, reverse=True))


_FAMILY = r"(?:\w{1,12}[:_])?"


def _opening(names: str) -> str:
    return rf"<\s*{_FAMILY}(?:{names})(?:\s[^<>]{{0,100}})?>"


def _closing(names: str) -> str:
    return rf"<\s*[/\\]\s*{_FAMILY}(?:{names})\s*>"


_STEMS = rf"[\w:.-]{{0,20}}(?:{_names('stems')})[\w:.-]{{0,20}}"
_ALL = f"{_names('anywhere', 'beginning')}|{_STEMS}"
_SPANS = [(re.compile(begin, re.IGNORECASE), re.compile(end, re.I | re.M)) for begin, end in _FILE["spans"]]
_SPAN_BEGINNINGS = ("#", "**", "```", "&lt;", "analysis", "<details")
LONGEST_SPAN_BEGINNING = 40
"""Characters after which, as after a line, a text that begins like that is known not to begin with thoughts."""
_MARKS = {begin.casefold(): end for begin, end in _FILE["marks"]}
_MARK = "|".join(re.escape(begin) for begin, _ in _FILE["marks"])
_END_MARK = "|".join(re.escape(end) for _, end in _FILE["marks"])
_CONTROL = "|".join(_FILE["controls"])
_FOUND = re.compile(
    rf"(?P<open>{_opening(_names('anywhere'))}|{_MARK})|(?P<close>{_closing(_names('anywhere'))}|{_END_MARK})"
    rf"|(?P<answered><\s*/\s*(?:{_names('answers')})\s*>)|(?P<head><\|(?:start|channel)\|>)|(?P<control>{_CONTROL})",
    re.IGNORECASE,
)
_FIRST = re.compile(rf"\s*(?:(?P<open>{_opening(_ALL)})|(?P<answer><\s*(?:{_names('answers')})\s*>))", re.IGNORECASE)
_CLOSES_ANY = re.compile(_closing(_ALL), re.IGNORECASE)
# The head of a message in the form "harmony", and what ends a message that is not the answer.
_HEAD = re.compile(r"(?:<\|start\|>\w*)?<\|channel\|>(?P<channel>\w+)[^<]{0,80}(?:<\|constrain\|>\w+)?<\|message\|>")
_MESSAGE_ENDS = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)")


class ThoughtFilter:
    """Takes a text in pieces and returns what is not thoughts. With `holds`, nothing is returned before it is certain
    that it was not thoughts all along: at a tag, or at the end."""

    def __init__(self, *, holds: bool = False) -> None:
        self.closes_unopened = False
        """Whether thoughts ended that had not begun."""
        self.has_opened = False
        self._holds = holds
        self._buffer = ""
        """What is not looked through yet: little more than the length of a mark."""
        self._kept: list[str] = []
        """What is held, or what may be thoughts."""
        self._said: list[str] = []
        self._ends: re.Pattern[str] | None = None
        """What ends the current thoughts."""
        self._may_be_literal = False
        self._line = ""
        """What belongs to the answer of the current line."""
        self._is_first = True
        self._is_in_answer = False
        """Whether the answer has a tag of its own."""

    @property
    def is_thinking(self) -> bool:
        """Whether the text is within thoughts, as far as can be told."""
        return self._ends is not None

    def feed(self, piece: str) -> str:
        """Take a piece and return what is certain to belong to the answer."""
        self._buffer += piece
        while self._step():
            pass
        return self._flush()

    def end(self) -> str:
        """Return the rest. Thoughts that do not end are none if they began within a line."""
        if self._ends is not None:
            rest = "".join(self._kept) + self._buffer if self._may_be_literal else ""
            self._ends, self._kept, self._buffer = None, [], ""
            return repaired_text(rest)
        self._is_first = False
        self._release()
        rest, self._buffer = re.sub(_CONTROL, "", self._buffer), ""
        return self._flush() + repaired_text(rest)

    def release(self) -> None:
        """Hold nothing any more, because thoughts come separately."""
        self._release()

    def _step(self) -> bool:
        """Handle the next mark in the buffer; return whether there was one."""
        if self._ends is not None:
            return self._leave(self._ends)
        if self._is_first:
            return self._begin()
        match = _FOUND.search(self._buffer)
        if match is None:
            self._pass_on(len(self._buffer) - _unfinished(self._buffer))
            return False
        before = (self._line + self._buffer[: match.start()])[-1:]
        if match["head"]:
            return self._head(match)
        if match["control"] or (match["answered"] and self._is_in_answer):
            self._pass_on(match.start())
            self._skip(len(match[0]))
        elif match["answered"] or (before and before in _QUOTES):
            self._pass_on(match.end())
        elif match["close"]:
            self._kept.clear()
            self._said.clear()
            self.closes_unopened, self._holds = True, False
            self._skip(match.end())
        else:
            self._pass_on(match.start())
            self._enter(match[0])
        return True

    def _begin(self) -> bool:
        """Look at the beginning, where more tags count. Return False if it is not there yet."""
        start = self._buffer.lstrip()
        if not start or any(mark.startswith(start.casefold()) for mark in _MARKS):
            return False
        if start[0] in _BEGINNINGS and len(start) < MOST_OF_MARK and not any(end in start for end in _ENDS):
            return False
        if self._begin_span(start):
            return bool(self._buffer)
        if _may_be_span(start):
            return False
        match = _FIRST.match(self._buffer)
        self._is_first = bool(match and match["answer"])
        self._is_in_answer = self._is_in_answer or self._is_first
        if match and match["open"]:
            self._skip(match.end() - len(match["open"]))
            self._enter(match["open"])
        elif match:
            self._release()
            self._skip(match.end())
        return bool(self._buffer)

    def _begin_span(self, start: str) -> bool:
        """Enter thoughts that begin without a tag."""
        for begin, end in _SPANS:
            if match := begin.match(start):
                self._skip(len(self._buffer) - len(start))
                self._enter(match[0])
                self._ends, self._may_be_literal = end, True
                return True
        return False

    def _enter(self, mark: str) -> None:
        self._release()
        self.has_opened = True
        end = _MARKS.get(mark.casefold())
        self._ends = _CLOSES_ANY if end is None else re.compile(re.escape(end), re.IGNORECASE)
        self._may_be_literal = bool(self._line.strip())
        self._kept = [mark]
        self._skip(len(mark))

    def _head(self, match: re.Match[str]) -> bool:
        """Handle the head of a message: all but the final one are thoughts. Return False if it is not there yet."""
        self._pass_on(match.start())
        head = _HEAD.match(self._buffer)
        if head is None:
            if len(self._buffer) < MOST_OF_MARK:
                return False
            self._skip(len(match[0]))
            return True
        self._release()
        self.has_opened = True
        if head["channel"].casefold() != "final":
            self._ends, self._may_be_literal = _MESSAGE_ENDS, False
        self._skip(head.end())
        return True

    def _leave(self, ends: re.Pattern[str]) -> bool:
        """Drop the thoughts if they have ended."""
        match = ends.search(self._buffer)
        if match is None:
            looked = max(0, len(self._buffer) - MOST_OF_MARK)
            if self._may_be_literal:
                self._kept.append(self._buffer[:looked])
            self._skip(looked)
            return False
        self._ends, self._kept = None, []
        self._is_first = not self._line.strip()
        self._skip(match.end())
        return True

    def _skip(self, count: int) -> None:
        self._buffer = self._buffer[count:]

    def _pass_on(self, count: int) -> None:
        """Take characters of the answer from the buffer; half a character waits for its other half."""
        if count == len(self._buffer) and ends_with_half(self._buffer):
            count -= 1
        text = repaired_text(self._buffer[:count])
        (self._kept if self._holds else self._said).append(text)
        self._line = (self._line + text).rpartition("\n")[2][-MOST_OF_MARK:]
        self._skip(count)

    def _release(self) -> None:
        """What was held is part of the answer."""
        if self._holds:
            self._said += self._kept
            self._kept, self._holds = [], False

    def _flush(self) -> str:
        said, self._said = "".join(self._said), []
        return said


def without_thoughts(text: str) -> str:
    """The text without thoughts and control tokens, trimmed."""
    return separated(text)[0]


def separated(text: str) -> tuple[str, bool]:
    """The text without thoughts, and whether thoughts ended in it that had not begun."""
    found = ThoughtFilter(holds=True)
    said = found.feed(text)
    return _without_closing((said + found.end()).strip()), found.closes_unopened


def are_thoughts(text: str) -> bool:
    """Whether a text without tags begins like thoughts and not like an answer."""
    return _OPENING.match(text) is not None


_OPENING = re.compile(rf"\W*(?:{'|'.join(_FILE['openings'])})(?![^\W_])", re.IGNORECASE)
_ANSWER_END = re.compile(rf"\s*<\s*/\s*(?:{_names('answers')})\s*>$", re.IGNORECASE)


def _without_closing(text: str) -> str:
    """Drop the closing tag of an answer whose opening tag was dropped."""
    match = _ANSWER_END.search(text)
    if match is None:
        return text
    name = re.sub(r"[\s</>]", "", match[0])
    return (
        text if re.search(rf"<\s*{re.escape(name)}\b", text[: match.start()], re.IGNORECASE) else text[: match.start()]
    )


def _may_be_span(start: str) -> bool:
    """Whether what follows decides if thoughts begin without a tag."""
    folded = start.casefold()
    if folded.startswith("<details"):
        return len(start) < MOST_OF_MARK and "</summary>" not in folded
    begins = any(folded.startswith(each) or each.startswith(folded) for each in _SPAN_BEGINNINGS)
    return begins and len(start) < LONGEST_SPAN_BEGINNING and "\n" not in start


def _unfinished(text: str) -> int:
    """How many characters at the end may be the beginning of a mark."""
    tail = text[-MOST_OF_MARK:]
    start = max(tail.rfind(each) for each in _BEGINNINGS)
    return len(tail) - start if start >= 0 and not any(each in tail[start:] for each in _ENDS) else 0
