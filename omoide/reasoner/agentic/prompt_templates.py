"""Prompt templates: load `prompts/*.md` and fill in their placeholders.

User content is always treated as data. It is enclosed in a tagged section that it cannot close, and substituted in one
pass, so placeholders in it are not expanded. The rules come first and are constant, so that providers can cache them.
"""

from __future__ import annotations

import re
from importlib import resources

from omoide.core.surrogates import repaired_text

TAGS = (
    "card",
    "conclusions",
    "derived",
    "ended",
    "findings",
    "given",
    "history",
    "instructions",
    "known",
    "memory",
    "messages",
    "question",
    "recent",
    "schema",
    "summary",
)
"""Names of the sections. Each occurs at most once in the first request to a model."""

_PLACE = re.compile(r"\{([a-z_]+)\}")
# Text that a model could read as one of our tags, or a chat template as a control token (`<|im_start|>`).
_OPENING = re.compile(rf"<(?=\||[^\w<>]{{0,8}}(?:{'|'.join(TAGS)})\b)", re.IGNORECASE)


def load(name: str) -> str:
    """Return the text of `prompts/<name>.md`."""
    return resources.files(__package__).joinpath(f"prompts/{name}.md").read_text(encoding="utf-8").strip()


def fill(template: str, **values: str) -> str:
    """Substitute the placeholders; a line that consists of an empty one is removed.

    Values are not escaped: pass data through `section` or `inline` first. Raises KeyError for a missing value.
    """
    lines = (line for line in template.split("\n") if not _is_empty(line, values))
    return _PLACE.sub(lambda match: values[match[1]], "\n".join(lines)).strip()


def section(tag: str, text: str) -> str:
    """Enclose the neutralized text in a tagged section; empty if the text is blank."""
    assert tag in TAGS
    return f"<{tag}>\n{neutral(text).strip()}\n</{tag}>\n" if text.strip() else ""


def inline(text: str) -> str:
    """Neutralize a short text, such as a name, for use within a sentence."""
    return neutral(" ".join(text.split()))


def neutral(text: str) -> str:
    """Escape text that resembles one of our tags or a control token, and remove characters that cannot be sent."""
    return _OPENING.sub("&lt;", plain(text))


def plain(text: str) -> str:
    """Remove NUL and replace lone surrogates by U+FFFD: neither providers nor the store accept them."""
    return repaired_text(text.replace("\x00", ""))


def _is_empty(line: str, values: dict[str, str]) -> bool:
    match = _PLACE.fullmatch(line.strip())
    return match is not None and not values[match[1]]
