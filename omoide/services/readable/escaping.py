"""Write text that others wrote into Markdown, so that it reads as it was meant and changes nothing around it. Pure.

Of plain text, what Markdown would take for markup is escaped. Markdown keeps its markup, but for what would act beyond
its quotation: HTML, images, headings, definitions of links. Code between fences stays code, in a fence of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
_fence = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`]*)").fullmatch
_closing = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*").fullmatch
_language = re.compile(r"[A-Za-z0-9+#._-]{1,30}").fullmatch

_inline = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)"  # a backslash that would escape something, or break the line
    r"|[*`\[\]]"
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?[A-Za-z0-9]{1,31};)"
    r"|(?<![^\W_])_|_(?![^\W_])"  # not within a word
    r"|~(?=~)|(?<=~)~"
    r"|\$"
    r"|%(?=%)|=(?==)"  # a comment and a highlight to Obsidian
)
_DOLLAR = "$"
_line_start = re.compile(
    r"(?P<sign>[-+](?=[ \t]|$)|#(?=#{0,5}([ \t]|$))|>|=+(?=[ \t]*$)|-(?=[-= \t]*$))"
    r"|(?P<number>[0-9]{1,9})(?P<dot>[.)])(?=[ \t]|$)"
)
_beyond = re.compile(
    r"(?P<kept>\\[!-/:-@\[-`{-~]|(?P<ticks>(?<!`)`+(?!`)).+?(?<!`)(?P=ticks)(?!`))"  # escaped already, or code
    r"|<(?=[A-Za-z/!?])"  # HTML
    r"|!\["  # an image
    r"|\]\((?!https?://|mailto:)"  # a link to elsewhere than the web
    r"|%(?=%)"
)
"""What acts beyond a quotation; its last character is to be escaped."""
_containers = re.compile(r"(?:[ \t]*(?:>|[-+*](?=[ \t])|[0-9]{1,9}[.)](?=[ \t])))*[ \t]*")
_heading = re.compile(r"#{1,6}(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*").fullmatch
_break = re.compile(r"-{3,}[ \t]*").fullmatch
_underline = re.compile(r"(=+|-+)[ \t]*").fullmatch
_definition = re.compile(r"\[[^\]]*(\]:|$)").match

_table_rule = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*").fullmatch

NO_BREAK_SPACE = "\u00a0"
HARD_BREAK = "  "
BREAK = "***"
"""A line across, which cannot make a heading of the line before."""


def inline(text: str) -> str:
    """The text on one line, for headings, list items and links."""
    line = " ".join(_cleaned(text).split())
    return _start(_escaped(line, text.count(_DOLLAR) > 1))


def quoted(text: str, *, is_markdown: bool = False) -> Iterator[str]:
    """The lines of a block quotation with this text; nothing in it can end the quotation."""
    lines = _cleaned(text).split("\n")
    has_math, keeps_code = text.count(_DOLLAR) > 1, all(map(_has_whole_code, lines))
    closing = [(number, found[1]) for number, line in enumerate(lines) if (found := _closing(line))]
    number = 0
    while number < len(lines):
        if end := _end_of_code(lines[number], number, closing):
            yield from (f"> {line}".rstrip() for line in _code(lines[number:end]))
            number = end
            continue
        written = _markup(lines[number], keeps_code) if is_markdown else _prose(lines[number], has_math)
        number += 1
        is_broken = bool(written) and number < len(lines) and bool(lines[number].strip())
        yield f"> {written}{HARD_BREAK}" if is_broken else f"> {written}".rstrip()


def code(text: str, language: str = "") -> Iterator[str]:
    """The lines of a block of code."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield from text.split("\n")
    yield fence


def _cleaned(text: str) -> str:
    """Without control characters, and with one kind of line ends."""
    return _control.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def _end_of_code(line: str, first: int, closing: Sequence[tuple[int, str]]) -> int | None:
    """The number after the last line of the code that begins with this line, the `first`; None if none begins, or it
    does not end."""
    if not (opened := _fence(line)):
        return None
    return next((number + 1 for number, fence in closing if number > first and fence.startswith(opened[1])), None)


def _code(lines: list[str]) -> Iterator[str]:
    """Code with its fences, written with a fence that it does not contain."""
    opened = _fence(lines[0])
    name = opened[2].strip() if opened else ""
    yield from code("\n".join(lines[1:-1]), name if _language(name) else "")


def _prose(line: str, has_math: bool) -> str:
    """A line of prose; spaces that indent it are kept, and do not make it code."""
    line = line.expandtabs(4)
    text = line.lstrip(" ")
    indent = NO_BREAK_SPACE * (len(line) - len(text)) if text else ""
    escaped = _escaped(text.rstrip(), has_math)
    return indent + (escaped if indent else _start(escaped))


def _markup(line: str, keeps_code: bool) -> str:
    """A line of Markdown. A heading becomes bold, and what would underline one a break."""
    markers, text = _markers(line.rstrip())
    contained = _contained(text, keeps_code)
    heading = _heading(contained)
    if heading and (title := (heading[1] or "").replace("*", "").strip()):
        return f"{markers}**{title}**"
    if _break(text):
        return f"{markers}{BREAK}"
    if heading or _closing(text) or _fence(text) or _underline(text) or _definition(text):
        return f"{markers}\\{contained}"
    return markers + contained


def _markers(line: str) -> tuple[str, str]:
    """The markers of lists and quotations that a line begins with, and the rest."""
    found = _containers.match(line)
    end = found.end() if found else 0
    return line[:end], line[end:]


def _contained(text: str, keeps_code: bool) -> str:
    """Markup that acts beyond a quotation escaped. Code within a line is kept only if none goes on in the next line."""

    def replaced(found: re.Match[str]) -> str:
        if found["kept"] is None:
            return f"{found[0][:-1]}\\{found[0][-1]}"
        is_code = found["ticks"] is not None
        return (
            found[0]
            if keeps_code or not is_code
            else found["ticks"] + _contained(found[0][len(found["ticks"]) :], False)
        )

    return _beyond.sub(replaced, text)


def _has_whole_code(line: str) -> bool:
    """Whether each piece of code that begins in the line ends in it."""
    return "`" not in _beyond.sub("", line)


def _escaped(text: str, has_math: bool) -> str:
    """Markup within a line escaped; dollar signs only where two could enclose a formula."""
    escaped = _inline.sub(lambda found: found[0] if found[0] == _DOLLAR and not has_math else f"\\{found[0]}", text)
    return escaped.replace("|", "\\|") if _table_rule(escaped) else escaped


def _start(text: str) -> str:
    """Markup at the start of a line escaped."""
    if found := _line_start.match(text):
        if found["number"]:
            return f"{found['number']}\\{text[found.start('dot') :]}"
        return f"\\{text}"
    return text
