"""Corrections of what was just said: "no, I meant Braga", "12, not 11", "*Porto", "just kidding". Pure, English.

A correction names the right value, and perhaps the wrong one. It applies to the last statement that has the wrong
value, or, without one, to the last statement if exactly one value in it is of the same form: a name or a number. It may
also repeat the statement with the right value ("typo, I was born in 1978"), or take it back as a joke.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from omoide.reasoner.extractive.third_person import SELF, to_third_person

LONGEST = 200
"""A correction is short; longer text would also take the patterns below long."""
MOST_BACK = 4
"""How many statements a correction looks back."""

_LEAD = (
    r"(?:(?:no|nope|sorry|oops|wait|ah|oh|correction|actually|my mistake|typo|i misspoke|scratch that|hm+|um+)\b"
    r"[\s,.!:;…–—-]*)"
)
_WORDS = "one two three four five six seven eight nine ten eleven twelve"
_SPELLED = rf"(?:{'|'.join(_WORDS.split())})"
_VALUE = rf"(?:{_SPELLED}\b|[A-Z\d][\w'’.:/-]*(?: (?:of|de|da|la|van|von|the|and|[A-Z\d][\w'’.:/-]*))*)"
_PREPOSITION = r"(?:(?:in|at|to|on|for|from|with|a|an|the|called|named) )*"
_MEANT = re.compile(
    rf"{_LEAD}*(?:i meant|i mean|i meant to (?:say|write|type)|make (?:that|it)|it should be|should be|that should be"
    rf"|it's actually|it is actually)(?: to say)? {_PREPOSITION}(?-i:(?P<right>{_VALUE}))"
    rf"(?:,? (?:and )?not {_PREPOSITION}(?-i:(?P<wrong>{_VALUE}))(?:(?=,)|[\s.!)]*$)|[\s.!)]*$)",
    re.IGNORECASE,
)
_NOT = re.compile(
    rf"{_LEAD}+(?:it's |it is |that's )?{_PREPOSITION}(?-i:(?P<right>{_VALUE})),? (?:and )?not {_PREPOSITION}"
    rf"(?-i:(?P<wrong>{_VALUE}))[\s.!)]*$",
    re.IGNORECASE,
)
_NOT_BUT = re.compile(
    rf"{_LEAD}*(?:it's |it is |it was |that's )?(?:not|it isn't|it wasn't)"
    rf" {_PREPOSITION}(?-i:(?P<wrong>{_VALUE}))[,;:–—-]*\s*"
    rf"(?:but |rather |it's |it is |it was |i meant )?{_PREPOSITION}"
    rf"(?-i:(?P<right>{_VALUE}))[\s.!)]*$",
    re.IGNORECASE,
)
_STARRED = re.compile(rf"\*\s?(?P<right>{_VALUE})[\s.!]*$|(?P<starred>{_VALUE})\*[\s.!]*$")
_SAID = re.compile(
    rf"{_LEAD}*(?:when |where )?i (?:said|wrote|typed|told you) (?:it was |i had"
    rf" )?{_PREPOSITION}(?-i:(?P<wrong>{_VALUE}))"
    r"(?: \w+)?(?: earlier| before)?,? (?:but )?(?:i meant|it's|it is|it was|it should be|i"
    rf" should have said|i have|i've got) {_PREPOSITION}"
    rf"(?-i:(?P<right>{_VALUE}))(?: [a-z]+)?(?:(?=,)|[\s.!)]*$)",
    re.IGNORECASE,
)
# Not the first word of a sentence, which is a capital whatever it is: "Everyone deserves a good coffee."
_NAME = re.compile(r"""(?<![\w'’])(?<!["“(])(?<![.!?:] )(?<!^)[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*""")
_NUMBER = re.compile(rf"(?<![\w.:-])(?:\d+(?:[.,:]\d+)*|{_SPELLED})(?![\w-])")
_DATES = re.compile(r" \([^()]*\d{4}[^()]*\)")


_HINT = re.compile(
    r"\b(?:mean|meant|not|isn't|wasn't|should|actually|make (?:it|that)|wrong|typo|oops|whoops"
    r"|mistake|mixed|misspoke|my bad"
    r"|correction|correct|kidding|joking|joke|jk|scratch|said|wrote|typed|misremembered)\b|\*"
)
_MARKED = re.compile(
    r"(?:(?:oops|whoops|typo|correction|scratch that|i meant(?: to (?:say|write|type))?(?:"
    r" that)?|my (?:mistake|bad)|i misspoke|no,? wait"
    r"|sorry,? (?:typo|i meant(?: that)?|i misspoke|my mistake)|actually)\b[\s,.!:;…–—-]*)+(?=\S)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[\s,;–—(-]+(?:(?:sorry|oops),? )?(?:i got (?:that|it) wrong|i (?:mixed|messed) (?:it"
    r"|that|them) up|my (?:mistake|bad)|typo|i misspoke"
    r"|i misremembered|i had (?:that|it) wrong)[\s.!)]*$",
    re.IGNORECASE,
)
_OTHER_END = re.compile(
    r",? (?:and )?not (?:(?:in|at|to|on|for|from|with|an?|the|my) )*(?P<wrong>[\w'-]+(?: [\w'-]+)?)[\s.!)]*$"
)
_JOKE = re.compile(
    r"(?:(?:haha|lol|no|nah|sorry|ok|okay)[,.! ]+)?(?:i was |i'm |i am )?(?:just |only |totally )?(?:joking|kidding|jk)"
    r"(?: about (?:(?:my|the|that|being|having) )*(?P<what>[\w-]+(?:"
    r" [\w-]+)?))?(?=[\s.!,;–—-]*$|[,;.!])|(?:no,? )?(?:wait,? )?scratch that[\s.!]*$",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[\w'’:.-]*\w")
_NAMING = frozenset(["is", "was", "are", "called", "named", "name", "name's", "the", "a", "an"])


def corrected(sentence: str, earlier: Sequence[str], peer_id: str, *, follows: bool = True) -> tuple[str, str] | None:
    """Return the statement that the sentence corrects, and the right one; None if it corrects none of them.

    `earlier` are the contents of the peer's statements, oldest first. `follows`: whether the sentence comes right after
    the last of them. Otherwise "just kidding" may be about something that is no statement.
    """
    said = sentence.strip().replace("’", "'")
    if not earlier or len(said) > LONGEST or not _HINT.search(said.lower()):
        return None
    recent = [*earlier[-MOST_BACK:]][::-1]
    if joke := _JOKE.match(said):
        if not (follows or joke["what"]):
            return None
        return _taken_back(joke["what"], said, recent, peer_id)
    if values := _values(said):
        return _with_value(*values, recent, peer_id)
    return _named_wrong(said, recent, peer_id) or _repeated(said, recent, peer_id)


def _with_value(right: str, wrong: str | None, recent: Sequence[str], peer_id: str) -> tuple[str, str] | None:
    for content in recent:
        about = content.replace(peer_id, "\0")
        if wrong is not None:
            if len(re.findall(rf"(?<!\w){re.escape(wrong)}(?!\w)", about)) == 1:
                return content, _replaced(about, wrong, right, peer_id)
            continue
        pattern = _NUMBER if _NUMBER.fullmatch(right) else _NAME
        found = {match[0] for match in pattern.finditer(_DATES.sub("", about))} - {"I"}
        if len(found) == 1 and right not in found:
            return content, _replaced(about, found.pop(), right, peer_id)
        return None
    return None


def _taken_back(what: str | None, said: str, recent: Sequence[str], peer_id: str) -> tuple[str, str] | None:
    """A joke: about the thing that it names, else the last statement."""
    if what is None:
        return recent[0], f'{peer_id} was joking: "{recent[0]}"'
    quote = f'{peer_id} said: "{said}"'
    thing = what.split()[-1].lower()
    found = [content for content in recent if thing in content.lower().split() or thing.rstrip("s") in _tokens(content)]
    return (found[0], quote) if len(found) == 1 else None


def _named_wrong(said: str, recent: Sequence[str], peer_id: str) -> tuple[str, str] | None:
    """ "We met in Brno, not in Prague": the same statement with another value at its end."""
    match = _OTHER_END.search(said)
    lead = _MARKED.match(said)
    if match is None:
        return None
    rest = _as_fact(said[lead.end() if lead else 0 : match.start()], peer_id)
    wrong, tokens = match["wrong"].lower(), _tokens(rest)
    for content in recent:
        old = _tokens(content)
        size = len(wrong.split())
        if " ".join(old).count(wrong) != 1 or len(tokens) < 2:
            continue
        shared = [token for token in tokens[:-1] if token in old]
        others = [token for token in tokens[:-size] if token not in old and token not in _NAMING]
        if not others and [token for token in shared if token not in _NAMING and token != peer_id.lower()]:
            return content, rest
    return None


def _repeated(said: str, recent: Sequence[str], peer_id: str) -> tuple[str, str] | None:
    """ "Typo, I was born in 1978": the same statement but for one value."""
    lead, tail = _MARKED.match(said), _TAIL.search(said)
    if not tail and (lead is None or lead[0].lower().strip(" ,") == "actually"):
        return None
    plain = said[: tail.start()] if tail else said
    rest = _as_fact(plain[lead.end() if lead and lead.end() < len(plain) else 0 :], peer_id)
    new = _tokens(rest)
    for content in recent:
        old = _tokens(content)
        start = next((n for n, (a, b) in enumerate(zip(new, old, strict=False)) if a != b), min(len(new), len(old)))
        end = next(
            (
                n
                for n, (a, b) in enumerate(
                    zip(
                        new[: start - 1 if start else None : -1], old[: start - 1 if start else None : -1], strict=False
                    )
                )
                if a != b
            ),
            min(len(new), len(old)) - start,
        )
        right, wrong = new[start : len(new) - end], old[start : len(old) - end]
        if (
            1 <= len(right) <= 2
            and 1 <= len(wrong) <= 2
            and len(new) - len(right) >= 2
            and not {"not", "no"} & {*right, *wrong}
        ):
            return content, rest
    return None


def _as_fact(plain: str, peer_id: str) -> str:
    text = plain.strip(" .,!")
    text = text[:1].upper() + text[1:]
    about = to_third_person(text)
    return about.replace(SELF, peer_id) if about is not None else f'{peer_id} said: "{text}"'


def _tokens(content: str) -> list[str]:
    return [token.lower() for token in _TOKEN.findall(_DATES.sub("", content))]


def _replaced(about: str, wrong: str, right: str, peer_id: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", lambda _: right, about, count=1).replace("\0", peer_id)


def _values(sentence: str) -> tuple[str, str | None] | None:
    """The right value, and the wrong one if it is named."""
    for pattern in (_MEANT, _NOT, _NOT_BUT, _SAID, _STARRED):
        if match := pattern.match(sentence):
            right = match["right"] or match.groupdict().get("starred")
            wrong = match.groupdict().get("wrong")
            if right and right not in {"I", "No", "The"}:
                return right.rstrip("."), wrong.rstrip(".") if wrong else None
    return None
