"""What an answer says around its quotations, in the language of the question (`data/frames.toml`). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from omoide.inference import glosses
from omoide.reasoner.extractive.word_lists import word_lists

LANGUAGES = ("en", "es", "de", "fr", "pt", "it", "zh", "ja")

_PLACE = re.compile(r"\{(\w+)\}")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class Frames:
    """The frames of one language, one of `LANGUAGES`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._lists = word_lists("frames").section(language)

    def fill(self, name: str, **values: str) -> str:
        """Return a frame with its places filled in."""
        return _PLACE.sub(lambda match: values[match[1]], self._lists.text(name))

    def nothing_known(self, about: Sequence[str]) -> str:
        """Return the answer for no information."""
        return self.fill("nothing_about", who=self.fill("and").join(about)) if about else self.fill("nothing")


@cache
def frames_of(language: str) -> Frames:
    return Frames(language)


def language_of(question: str, around: Iterable[str] = ()) -> str:
    """Return the language of a question, or if it is unclear that of most texts `around` it; English if it is none of
    `LANGUAGES`."""
    if _KANA.search(question):
        return "ja"
    if _HAN.search(question):
        return "zh"
    return glosses.language_among(question, around)


def is_nothing_known(text: str) -> bool:
    """Whether an answer says that nothing is known, in any of the languages."""
    return not text.strip() or any(pattern.fullmatch(text.strip()) for pattern in _nothing())


@cache
def _nothing() -> tuple[re.Pattern[str], ...]:
    texts = [each.nothing_known(about) for each in map(frames_of, LANGUAGES) for about in ((), ("@",))]
    return tuple(re.compile(re.escape(text).replace("@", ".+"), re.DOTALL) for text in texts)
