"""Read what a provider's refusal is about: tools, the length of the text, or the limit of output tokens. Pure.

A provider's words are compared with the patterns in `refusals.toml` and never shown: they may quote a key or a text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import Literal

from pydantic_ai.exceptions import ModelAPIError, ModelContextWindowExceededError, ModelHTTPError

OutputName = Literal["max_tokens", "max_completion_tokens"]

MOST_READ = 4_000
"""Characters of a refusal that are read."""
LEAST_OUTPUT = 512
"""Output tokens, or as many as were asked for. If the text leaves less room, the text is too long."""
LEAST_NAMED = 16
"""A smaller number is no limit of output tokens."""
RESERVE = 16
"""Tokens by which a chat template may exceed the count that a provider names."""

_FILE = tomllib.loads(resources.files(__package__).joinpath("refusals.toml").read_text(encoding="utf-8"))
_NUMBER = r"(\d{1,3}(?:[,_]\d{3})+(?!\d)|\d+)"
_INTEGER = re.compile(rf"(?<![\w.-]){_NUMBER}(?![\w-]|\.\d)")
_NAMES: Sequence[OutputName] = ("max_completion_tokens", "max_tokens")

# A refused key or a rate limit is about neither, whatever it says.
_OTHER_MATTERS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def _any_of(name: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in _FILE[name]), re.IGNORECASE)


def _numbers_at(name: str) -> list[re.Pattern[str]]:
    return [re.compile(each.replace("#", _NUMBER), re.IGNORECASE | re.MULTILINE) for each in _FILE[name]]


_TOOLS, _LENGTH, _OUTPUT, _EXCESS = _any_of("tools"), _any_of("length"), _any_of("output"), _any_of("excess")
_EXCLUSIVE, _UNKNOWN_PARAMETER = _any_of("exclusive"), _any_of("unknown_parameter")
_SETTINGS = (("effort", _any_of("effort")), ("temperature", _any_of("temperature")))
_OUTPUT_ONLY = re.compile("|".join(_FILE["output_only"]), re.IGNORECASE | re.MULTILINE)
_WINDOW, _INPUT = _numbers_at("window"), _numbers_at("input")


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """The most output tokens that may be asked for: always, or for this text only."""

    tokens: int
    is_lasting: bool = True
    window: int | None = None
    """Tokens of input and output together, if the provider named them."""


def words_of(error: ModelAPIError) -> str:
    """The provider's words, a line for each; without the name of the model, which may contain numbers."""
    return "\n".join(_texts(error.message if error.body is None else error.body))[:MOST_READ]


def _texts(body: object) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict | list):
        for value in body.values() if isinstance(body, dict) else body:
            yield from _texts(value)


def is_about_tools(error: ModelAPIError) -> bool:
    """Whether the endpoint refuses tools rather than the request. Only for requests that offered tools."""
    return _is_refusal(error) and not is_about_length(error) and bool(_TOOLS.search(words_of(error)))


def is_about_length(error: ModelAPIError) -> bool:
    """Whether the text is too long for the model."""
    if isinstance(error, ModelContextWindowExceededError):
        return True
    if isinstance(error, ModelHTTPError) and error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return True
    words = words_of(error)
    return _is_refusal(error, also_rate=True) and bool(_LENGTH.search(words)) and not _OUTPUT_ONLY.search(words)


def room_share(error: ModelAPIError) -> float | None:
    """The share of the text for which the model has room, if the provider named both numbers."""
    words = words_of(error)
    window, given = _named(_WINDOW, words), _named(_INPUT, words)
    return window / given if window and given and window < given else None


def other_name(error: ModelAPIError, used: OutputName) -> OutputName | None:
    """The other name of the output limit, if the endpoint refuses the one that was used."""
    words = words_of(error)
    other = _NAMES[0] if used == _NAMES[1] else _NAMES[1]
    is_unknown = _is_refusal(error) and re.search(rf"\b{used}\b", words) and _UNKNOWN_PARAMETER.search(words)
    return other if is_unknown and (other in words or not _candidates(words, MOST_READ)) else None


def refused_setting(error: ModelAPIError) -> str | None:
    """The setting that the endpoint does not take, `temperature` or `effort`; None if the refusal is about another."""
    if not _is_refusal(error):
        return None
    words = words_of(error)
    return next((name for name, pattern in _SETTINGS if pattern.search(words)), None)


def output_limit(error: ModelAPIError, asked: int) -> OutputLimit | None:
    """How many output tokens may be asked for instead of `asked`; None if the refusal is about something else."""
    words = words_of(error)
    if not _is_refusal(error, also_payment=True):
        return None
    if is_about_length(error):
        return _room_with_text(words, asked)
    if not (_OUTPUT.search(words) and _EXCESS.search(words)):
        return None
    is_lasting = not (isinstance(error, ModelHTTPError) and error.status_code == HTTPStatus.PAYMENT_REQUIRED)
    named = max(_candidates(words, asked), default=None)
    if named is None:  # too much, but how much less is not said
        return OutputLimit(asked // 2) if is_lasting and asked // 2 >= LEAST_NAMED else None
    tokens = named - 1 if _EXCLUSIVE.search(words) else named
    return OutputLimit(tokens, is_lasting)


def _room_with_text(words: str, asked: int) -> OutputLimit | None:
    """Tokens that a context window leaves for the answer; None if it is the text that has to be shorter."""
    window, given = _named(_WINDOW, words), _named(_INPUT, words)
    if window is None:
        return None
    if given is None:
        more = [number for number in _integers(words) if number > window and number != asked]
        given = min(more) - asked if more else None
        if given is not None and given <= 0:  # that is the text alone
            return None
    room = window // 2 if given is None and asked >= window else window - (given or window) - RESERVE
    return OutputLimit(room, is_lasting=False, window=window) if min(asked, LEAST_OUTPUT) <= room < asked else None


def _is_refusal(error: ModelAPIError, *, also_rate: bool = False, also_payment: bool = False) -> bool:
    """Whether the status says that this request is not wanted; some servers say so with a 500 or within a stream."""
    if not isinstance(error, ModelHTTPError):
        return error.in_stream
    status = error.status_code
    if status in _OTHER_MATTERS:
        return False
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return also_payment
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return also_rate
    return status not in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


def _named(patterns: Sequence[re.Pattern[str]], words: str) -> int | None:
    for pattern in patterns:
        if match := pattern.search(words):
            digits = next(group for group in reversed(match.groups()) if group and group[0].isdigit())
            return _integer(digits)
    return None


def _candidates(words: str, asked: int) -> list[int]:
    return [number for number in _integers(words) if LEAST_NAMED <= number < asked]


def _integers(words: str) -> Iterator[int]:
    return (_integer(match[1]) for match in _INTEGER.finditer(words))


def _integer(digits: str) -> int:
    return int(re.sub(r"\D", "", digits)[:12])
