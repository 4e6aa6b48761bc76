"""Read text of other languages word by word in English, for the models that know English only.

bge-small and the cross-encoder compare "Wo arbeitet Lena?" with "Ich hab eine neue Stelle" no better than chance, but
"where work Lena" with "I have a new job" nearly as well as English. `data/glosses.toml` has everyday words; names and
other words stay as they are. English text, and text of languages that are not in it, is not changed.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import chain

from omoide.core.text_cache import text_cache

CACHED_WORDS, CACHED_TEXTS = 16_384, 2_048
ANY_ENDING = 5
"""Letters of a stem after which any short ending may follow; after a shorter one only those of `_ENDINGS`."""
LONGEST_ENDING = 6
LEAST_PART = 3
"""Letters of a part of a German compound."""
SAMPLE = 60
"""Words of a text by which its language is told."""
LEAST_FOREIGN, FEWEST_FOREIGN = 0.25, 2
"""Share and number of them that are known in the other language but not in English: "hat" alone may be either."""

ENGLISH = "en"
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_BEFORE_A_NAME = re.compile(r"[^\W_][,;]?\s+$")
_PART = re.compile(r"[^\W\d_]{2,}")
_ONLY_ENGLISH = (ENGLISH,)
_ELISIONS = {
    "fr": re.compile(r"\b(j|l|d|m|t|s|n|c|qu|jusqu|lorsqu|puisqu)['’]", re.IGNORECASE),
    "it": re.compile(r"\b(\w*ll|l|d|m|t|s|n|c|v|un|dov|com|cos|quest|quand|quant|sant|anch)['’](?=\w)", re.IGNORECASE),
}
_ROMANCE = re.compile(
    r"[aeiou]s?|[aei]r(?:[lmst][eao]s?)?|[aei]?mos|[aei]n|[ai]ba[sn]?|ia[sn]?|ando|i?endo|indo|[aiu]d[oa]s?|[ai]ste"
    r"|io|[ai]?eron|aron|iram|aram|[aei]u|ei|oi|ou|ava[sm]?|iam|[ae]m|[aei]r(?:a|e|as|an|ia|ian|ei|ao)|it[oa]s?|inh[oa]s?"
    r"|ons|ez|ent|[ae]nt|ais|ait|aient|ees?|er|is|it|ies?|ues?|us|ions?|s|x|re|[aei]?r(?:ai|ons|ez|ont|ais|ait)"
)
_GERMAN = re.compile(r"(?:e|er|t|st|et|te|est|ung|in|ig|isch|lich|chen|ern?|el)?(?:e|en|er|es|em|n|s|st|t|nen)?")
_ITALIAN = re.compile(
    r"i?(?:[aeioòìèà]|amo|ate|ano|ono|[aeiu]t[aeio]|ndo|[ae]ndo|[aei]v[aeio](?:no|te|mo)?|[aei]r(?:e|ono|[lmstv][aeio])"
    r"|[ei]?r(?:ò|à|ai|emo|ete|anno|ei|esti|ebbe|ebbero)|in[aeio]|ett[aeio])|h(?:[ei]|iamo)"
)
_ENDINGS = {"de": _GERMAN, "es": _ROMANCE, "fr": _ROMANCE, "pt": _ROMANCE, "it": _ITALIAN}


@dataclass(frozen=True, slots=True)
class _Dictionary:
    whole: dict[str, str] = field(default_factory=dict)
    stems: dict[str, str] = field(default_factory=dict)

    def add(self, form: str, meaning: str) -> None:
        """Add a word, or a stem that ends with an asterisk. The first meaning of a form counts."""
        kind = self.stems if form.endswith("*") else self.whole
        kind.setdefault(form.rstrip("*").casefold(), meaning)

    def add_unaccented(self) -> None:
        """Add the forms without accents that are no words of their own."""
        for kind in (self.whole, self.stems):
            for form, meaning in [*kind.items()]:
                kind.setdefault(_folded(form), meaning)

    def stem_of(self, word: str) -> str | None:
        """Return the longest stem that the word begins with."""
        return next((word[:end] for end in range(len(word), 1, -1) if word[:end] in self.stems), None)


@text_cache(maxsize=CACHED_TEXTS)
def in_english(text: str) -> str:
    """Return the text with the known words of another language in English; English text as it is."""
    return in_english_but(text, ())


def in_english_but(text: str, names: Collection[str]) -> str:
    """As `in_english`, but leave `names`, which are casefolded words, as they are."""
    language = language_of(text)
    if language == ENGLISH:
        return text

    def read(match: re.Match[str]) -> str:
        word = match[0]
        low = word.casefold()
        if low in names:
            return word
        if language == "de" and low[:-1] in names and low.endswith("s"):
            return f"{word[:-1]}'s"
        start = match.start()
        return _word(word, language, _BEFORE_A_NAME.search(text, max(0, start - 3), start) is not None)

    elision = _ELISIONS.get(language)
    return _WORD.sub(read, text if elision is None else elision.sub(r"\1 ", text))


@text_cache(maxsize=CACHED_TEXTS)
def language_of(text: str) -> str:
    """Return the language that most of the text's words belong to; English if it is unclear."""
    words, known = _known(text)
    if len(known) == known.count(_ONLY_ENGLISH):
        return ENGLISH
    hits = Counter(chain.from_iterable(known))
    # The first of equal ones wins, which is English.
    language = max(_dictionaries(), key=lambda each: hits[each])
    foreign = sum(language in each and ENGLISH not in each for each in known)
    return language if foreign >= max(FEWEST_FOREIGN, LEAST_FOREIGN * len(words)) else ENGLISH


def language_among(text: str, around: Iterable[str]) -> str:
    """As `language_of`, but the language of most texts around it where the words do not tell ("Lenas Beruf?", or words
    that two languages share)."""
    language, (_, known) = language_of(text), _known(text)
    if language == ENGLISH and _ONLY_ENGLISH in known:
        return ENGLISH
    spoken = Counter(map(language_of, around))
    likely = max(spoken, key=lambda each: spoken[each], default=language)
    hits = Counter(chain.from_iterable(known))
    return likely if language == ENGLISH or hits[likely] >= hits[language] else language


def _known(text: str) -> tuple[Sequence[str], Sequence[tuple[str, ...]]]:
    """Return the first words of the text, and the languages of those that are known."""
    words = _PART.findall(text.casefold())[:SAMPLE]
    return words, [languages for word in words if (languages := _languages_of(word))]


@text_cache(maxsize=CACHED_WORDS)
def _word(word: str, language: str, may_be_name: bool) -> str:
    low = word.casefold()
    known = _meaning(low, language, exact=may_be_name and word[0].isupper() and language != "de")
    if known is None and "-" in word:
        return " ".join(_word(part, language, may_be_name) for part in word.split("-"))
    return word if known is None else known


def _meaning(word: str, language: str, *, exact: bool = False) -> str | None:
    dictionary = _dictionaries()[language]
    for form in (word, _folded(word)):
        if (meaning := dictionary.whole.get(form)) is not None:
            return meaning
    if exact:
        return None
    found = _inflected(word, language)
    return _compound(_folded(word)) if found is None and language == "de" else found


def _compound(word: str) -> str | None:
    """Return the meanings of the parts of a German compound, as far as they are known: at least of the last one."""
    for start in range(LEAST_PART, len(word) - LEAST_PART):
        tail = _simple(word[start:])
        if tail is not None:
            head = word[:start]
            return f"{_simple(head) or _simple(_JOINT_END.sub('', head)) or _compound(head) or head} {tail}"
    stem = _dictionaries()["de"].stem_of(word)
    if stem is not None and len(stem) >= ANY_ENDING:
        return f"{_dictionaries()['de'].stems[stem]} {word[len(stem) :]}"
    return None


_JOINT_END = re.compile(r"(?:es|en|s|n|e)$")


def _simple(word: str) -> str | None:
    """Return the meaning of a German word that is no compound."""
    dictionary = _dictionaries()["de"]
    if len(word) < LEAST_PART:
        return None
    if (meaning := dictionary.whole.get(word)) is not None and len(word) > LEAST_PART:
        return meaning
    stem = dictionary.stem_of(word)
    if stem is None or len(stem) < LEAST_PART or not _GERMAN.fullmatch(word[len(stem) :]):
        return None
    return dictionary.stems[stem]


@cache
def _dictionaries() -> dict[str, _Dictionary]:
    content = resources.files(__package__).joinpath("data", "glosses.toml").read_text("utf-8")
    data = tomllib.loads(content)
    found = {language: _Dictionary() for language in data["languages"]}
    for line in data["words"].splitlines():
        meaning, *columns = (cell.strip() for cell in line.split("|"))
        for form in meaning.split():
            found[ENGLISH].add(form, form)
        for language, forms in zip(data["languages"][1:], columns, strict=False):
            for form in forms.split():
                found[language].add(form, meaning)
    for form in data["english"].split():
        found[ENGLISH].add(form, form)
    for each in found.values():
        each.add_unaccented()
    return found


@text_cache(maxsize=CACHED_WORDS)
def _languages_of(word: str) -> tuple[str, ...]:
    """Return the languages that have the word, inflected if none has it as it is."""
    whole = _languages().get(word)
    if whole is not None or len(word) < ANY_ENDING:
        return whole or ()
    return tuple(each for each in _dictionaries() if each != ENGLISH and _inflected(word, each) is not None)


def _inflected(word: str, language: str) -> str | None:
    """Return the meaning of the stem of an inflected word."""
    dictionary = _dictionaries()[language]
    for form in (word, _folded(word)):
        if (stem := dictionary.stem_of(form)) is not None:
            ending = form[len(stem) :]
            is_long = language != "de" and len(stem) >= ANY_ENDING and len(ending) <= LONGEST_ENDING
            if not ending or is_long or _ENDINGS[language].fullmatch(ending):
                return dictionary.stems[stem]
    return None


@cache
def _languages() -> dict[str, tuple[str, ...]]:
    """Word → the languages that have it."""
    found: dict[str, tuple[str, ...]] = {}
    for language, dictionary in _dictionaries().items():
        for word in dictionary.whole:
            found[word] = (*found.get(word, ()), language)
    return found


def _folded(word: str) -> str:
    if word.isascii():
        return word
    return "".join(sign for sign in unicodedata.normalize("NFKD", word) if not unicodedata.combining(sign))
