"""Choose statements in languages other than English: careful, because their grammar is not known here. Pure.

Everything that states something is kept, but courtesies, reactions, and short sentences about "that".
"""

from __future__ import annotations

import re

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.lexicon import is_english
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_SENTENCES = 4_096
FEWEST_WORDS, FEWEST_POINTING = 4, 8
FEWEST_UNSPACED, FEWEST_UNSPACED_POINTING = 6, 14

_LISTS = word_lists("selection")
_ENGLISH, _FOREIGN = _LISTS.words("english"), _LISTS.words("foreign") - _LISTS.words("in_both")
_COURTESIES = tuple(sorted(_LISTS.phrases("courtesies")))
_POINTING = tuple(_LISTS.words("pointing"))
_SAYS_I = word_lists("grammar").words("says_i")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")
_ACCENTED = re.compile(r"(?<!\w)[a-z]*[à-öø-ÿ]\w*")
_LATIN = re.compile(r"[A-Za-z]")
_OPENING = re.compile(
    r"^(?:[\s¡¿\"“'(…,.!-]+|(?:ok|okay|vale|bueno|bien|ja|na|gut|oui|non|bon|sim|sì|no)(?=[,.!])"
    r"|(?:pues|also|y|e|und|et|aber|pero)(?=[,.! ]))+"
)
_LAUGH = re.compile(r"(?:[jh][aei]){2,}|哈{2,}|呵{2,}|嘿{2,}|w{3,}|ㅋ{2,}|ㅎ{2,}|k{3,}")


@text_cache(maxsize=CACHED_SENTENCES)
def is_foreign(sentence: str) -> bool:
    """Whether the sentence is in a language other than English."""
    if not sentence.isascii() and sum(map(str.isalpha, sentence)) > 2 * len(_LATIN.findall(sentence)):
        return True
    words = _WORD.findall(sentence.lower().replace("’", "'"))
    english = sum(map(_ENGLISH.__contains__, words))
    foreign = sum(map(_FOREIGN.__contains__, words))
    if not sentence.isascii():
        foreign += 2 * sum(each[0].islower() and not is_english(each) for each in _ACCENTED.findall(sentence))
    if english != foreign:
        return foreign > english
    return len(words) > 3 and 2 * sum(map(is_english, words)) < len(words)


def is_foreign_statement_worth_keeping(sentence: str) -> bool:
    """Whether a statement in another language may matter later."""
    plain = _OPENING.sub("", sentence.lower().replace("’", "'"), count=1)
    if _LAUGH.match(plain):
        return False
    unspaced = len(_UNSPACED.findall(plain))
    points = plain.startswith(_POINTING) if unspaced else plain.split(" ")[0].rstrip(",.") in _POINTING
    if unspaced > 2:
        if unspaced < (FEWEST_UNSPACED_POINTING if points else FEWEST_UNSPACED):
            return False
        return not plain.startswith(_COURTESIES) or unspaced >= FEWEST_UNSPACED_POINTING
    words = _WORD.findall(plain)
    says_i = not _SAYS_I.isdisjoint(words)
    if len(words) < FEWEST_WORDS - says_i - (not points and len(words) > 2) or (
        points and len(words) < FEWEST_POINTING
    ):
        return False
    return not any(re.match(rf"{re.escape(each)}(?!\w)", plain) for each in _COURTESIES if plain.startswith(each))
