"""What the words around a relative date say about its meaning: whether it is past, ahead, or not to be resolved.

Pure, English only. Only verbs that tell of events count as past: in "booked it on Monday" the day may be that of the
booking or of what was booked.
"""

from __future__ import annotations

import re

_EVENTS = (
    "went|met|saw|visited|started|began|arrived|came|left|finished|moved|returned|ran|cooked|played|watched|attended"
    "|celebrated|hiked|swam|worked|happened|flew|drove|joined|quit|fell|broke|lost|won|passed|failed|ate|baked|painted"
    "|walked|spent|stayed|travelled|traveled|hosted|adopted|climbed|camped|fished|sailed|danced|performed|graduated"
    "|received|bought|sold|cleaned|repaired|fixed|planted|biked|cycled|surfed|skied|rested|slept|crashed|died|hurt"
    "|injured|taught|completed|launched|opened|closed|tried|rode|gave|took|made|had|did"
)
_PLACE = r"(?:(?:the|an?|my|our|his|her|their|work|school|church|town)\b|(?-i:[A-Z]))"
_PAST = (
    rf"(?:(?:{_EVENTS})(?! (?:to (?!{_PLACE})|a chance|plans?\b))"
    r"|(?:was|were)(?! (?:going|supposed|about|hoping|planning|thinking|scheduled|meant|due|told|asked|looking|invited"
    r"|meeting|leaving|flying|coming|moving|wondering)\b))"
)
_GAP = (
    r"(?: (?!(?:and|but|or|that|which|who|when|while|if|about|before|after|until|because|so|than|every|each|then"
    r"|for (?:a|an|the|my|our) (?:concert|show|game|flight|appointment|party|exam|test|interview)|tickets?|tomorrow"
    r"|will|would)\b)[^\s,;:.!?]+){0,8}"
)
_TOLD_BEFORE = re.compile(rf"\b{_PAST}{_GAP},? $", re.IGNORECASE)
_TOLD_AFTER = re.compile(rf",? (?:\S+ ){{0,2}}{_PAST}\b", re.IGNORECASE)
_AHEAD_BEFORE = re.compile(
    r"\b(?:will|won't|[a-z]+'ll|going to|gonna|plan(?:s|ning)?|wants? to|hop(?:e|es|ing)|might|may|can|could|needs? to"
    r"|has to|have to|must|should|looking forward|would (?:like|love)|about to|is|are|am|[a-z]+'s|i'm|they're|we're"
    r"|due|starts?|begins?|ends?|leaves?|arrives?|flying|leaving|moving|coming|visiting|meeting|hosting)\b",
    re.IGNORECASE,
)
_AHEAD_AFTER = re.compile(
    r",? (?:\S+'(?:ll|m|re)|\S+ (?:will|is|are|am|plans?|wants?|hopes?|has to|have to|might|needs?))\b", re.IGNORECASE
)
_RETURNING = re.compile(
    r"(?:\b(?:be|is|am|are|was|were|been|being|come|comes|coming|came|go|goes|going|went|gone|move|moves|moved|moving|get"
    r"|gets|got|getting|fly|flies|flying|flew|head|heads|heading|headed|look|looks|looking|looked|travel|step|bring"
    r"|brought|give|gave|call|called|pay|paid|take|took|send|sent|hear|heard|write|wrote|report|check|welcome|welcomed"
    r"|right|straight)|['’](?:m|re|s|ll)) $",
    re.IGNORECASE,
)
_REPORTED = re.compile(r"\b(?:said|told|promised|wrote|announced|asked|claimed|thought)\b", re.IGNORECASE)


def is_past(before: str, after: str) -> bool:
    """Whether the clause certainly tells of an event at the date between these texts."""
    return bool(_TOLD_BEFORE.search(before) or (not before.strip() and _TOLD_AFTER.match(after)))


def is_ahead(before: str, after: str) -> bool:
    """Whether the clause is about the present or the future."""
    return bool(_AHEAD_BEFORE.search(before) or _AHEAD_AFTER.match(after))


def is_returning(before: str) -> bool:
    """Whether "back" after this text belongs to a verb ("came back"), or the clause is about the future."""
    return bool(_RETURNING.search(before) or re.search(r"\b(?:will|going to|plan(?:s|ning)?)\b|'ll\b", before))


def is_reported(before: str) -> bool:
    """Whether the text after this one is a quotation or reported speech, whose dates may count from another day."""
    return before.count('"') % 2 == 1 or before.count("“") > before.count("”") or bool(_REPORTED.search(before))
