"""The texts that models are given: our own `prompts/*.md`, with named places into which data is put.

What users wrote is data wherever it stands. It goes into a section with a tag around it, which nothing in it can close,
and it is put in last, so that what looks like a place in it stays text. Rules come first and never vary, so that
providers can keep them from one request to the next.
"""

from __future__ import annotations

import re
from importlib import resources

TAGS = (
    "card",
    "conclusions",
    "derived",
    "findings",
    "given",
    "history",
    "instructions",
    "messages",
    "question",
    "schema",
    "summary",
)
"""The sections that prompts have. Each stands at most once in what a model is given at first."""

_PLACE = re.compile(r"\{([a-z_]+)\}")
# What a model could take for one of our tags, or a chat template for one of its own marks (`<|im_start|>`).
_OPENING = re.compile(rf"<(?=\||[^\w<>]{{0,8}}(?:{'|'.join(TAGS)})\b)", re.IGNORECASE)


def load(name: str) -> str:
    """The text of `prompts/<name>.md`."""
    return resources.files(__package__).joinpath(f"prompts/{name}.md").read_text(encoding="utf-8").strip()


def fill(template: str, **values: str) -> str:
    """The template with its places filled; a line that is nothing but an empty place goes away.

    Values go in as they are: data has to come through `section` or `inline`. Raises KeyError for a place without value.
    """
    lines = (line for line in template.split("\n") if not _is_empty(line, values))
    return _PLACE.sub(lambda place: values[place[1]], "\n".join(lines)).strip()


def section(tag: str, text: str) -> str:
    """The text as a section of its own, out of which it cannot break; empty if the text is blank."""
    assert tag in TAGS
    return f"<{tag}>\n{neutral(text).strip()}\n</{tag}>\n" if text.strip() else ""


def inline(text: str) -> str:
    """A short text, such as a name, within a sentence of ours."""
    return neutral(" ".join(text.split()))


def neutral(text: str) -> str:
    """The text with nothing in it that could be taken for a tag of ours, and no characters that cannot be sent."""
    return _OPENING.sub("&lt;", plain(text))


def plain(text: str) -> str:
    """The text without NUL and lone surrogates, which neither providers nor the store take."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def _is_empty(line: str, values: dict[str, str]) -> bool:
    place = _PLACE.fullmatch(line.strip())
    return place is not None and not values[place[1]]
