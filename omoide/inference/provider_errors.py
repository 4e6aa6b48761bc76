"""From pydantic-ai's errors to ours: what may pass by itself, what a provider refused, and how to say it in a sentence.

A provider's own words never go into a sentence of ours: they like to quote the key that was refused, or the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    FallbackExceptionGroup,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
)

from omoide.errors import OmoideError
from omoide.inference.provider_failed import FormRefused, ModelUnfit, ProviderFailed

Error = AgentRunError | FallbackExceptionGroup
"""What a run of pydantic-ai ends with when it fails."""

_PASSING_STATUSES = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
# A status with which endpoints say that they do not know a field, with one of these words somewhere in the body.
_FORM_STATUSES = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
_FORM_WORDS = re.compile(r"response_format|json_schema|json_object|output_config|grammar|\bschema\b", re.IGNORECASE)

# What went wrong, the first that fits, and whether it may pass while nothing is changed here.
_FAULTS: tuple[tuple[type[ModelAPIError], str, bool], ...] = (
    (ModelQuotaExceededError, "has no quota or credit left", True),
    (ModelRateLimitError, "was asked too often", True),
    (ModelAuthenticationError, "refused the key", False),
    (ModelNotFoundError, "does not know this model or address", False),
    (ModelRequestRejectedError, "refused the request", False),
    (ModelUnavailableError, "is overloaded or down", True),
    (ModelServerError, "failed", True),
    (ModelTimeoutError, "did not answer in time", True),
    (ModelRequestTimeout, "did not answer in time", True),
    (ModelConnectionError, "could not be reached, or broke off", True),
)


def is_passing(error: ModelAPIError) -> bool:
    """Whether the same request may succeed if it is made again at once.

    A time-out is not repeated: its time is spent. Quota, keys and unknown models do not heal by themselves.
    """
    if is_about_form(error) or isinstance(error, ModelTimeoutError | ModelRequestTimeout | ModelQuotaExceededError):
        return False
    if isinstance(error, ModelRateLimitError | ModelUnavailableError | ModelServerError | ModelConnectionError):
        return True
    if isinstance(error, ModelHTTPError):
        return error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status_code in _PASSING_STATUSES
    # What is left of its own class is an answer that could not be read; every refusal has a class.
    return not isinstance(error, ModelRequestRejectedError)


def is_about_form(error: ModelAPIError) -> bool:
    """Whether the endpoint refuses the form of output that was asked for, rather than the request."""
    if isinstance(error, ModelContextWindowExceededError) or not isinstance(error, ModelHTTPError):
        return False
    return error.status_code in _FORM_STATUSES and bool(_FORM_WORDS.search(str(error.body)))


def failure_of(error: Error, name: str) -> OmoideError:
    """What `error` is to the rest of the server; `name` is the model as configured.

    Where several models were tried in turn, the first that failed decides what is said, and all of them whether the
    same request may succeed later.
    """
    if isinstance(error, FallbackExceptionGroup):
        failures = [failure_of(one, name) for one in _leaves(error)]
        first = failures[0]
        if isinstance(first, ProviderFailed) and len(failures) > 1:
            passing = any(isinstance(one, ProviderFailed) and one.retryable for one in failures)
            said = f"{first.reason} The fallback failed too."
            return type(first)(said, retryable=passing, provider_status=first.provider_status)
        return first
    if isinstance(error, ModelAPIError):
        return _provider_failure(error, name)
    if isinstance(error, ContentFilterError):
        return ModelUnfit(f"The provider of {name} withheld the answer of the model.")
    if isinstance(error, UnexpectedModelBehavior):
        return ModelUnfit(f"The answers of {name} do not have the form that was asked for.")
    return ModelUnfit(f"The work with {name} ended early: {type(error).__name__}.")


def late(name: str, seconds: float) -> ProviderFailed:
    """The failure of work that took longer than it may."""
    return ProviderFailed(f"The provider of {name} did not answer within {seconds:g} s.", retryable=True)


def _provider_failure(error: ModelAPIError, name: str) -> OmoideError:
    status = error.status_code if isinstance(error, ModelHTTPError) else None
    if isinstance(error, ModelContextWindowExceededError):
        return ModelUnfit(f"The text is longer than {name} can read at once.")
    shown = "" if status is None else f" (HTTP {status})"
    if is_about_form(error):
        reason = f"The provider of {name} refused the form of output that was asked for{shown}."
        return FormRefused(reason, retryable=False, provider_status=status)
    for kind, what, retryable in _FAULTS:
        if isinstance(error, kind):
            return ProviderFailed(f"The provider of {name} {what}{shown}.", retryable=retryable, provider_status=status)
    return ProviderFailed(
        f"The provider of {name} gave no answer that can be read{shown}.",
        retryable=is_passing(error),
        provider_status=status,
    )


def _leaves(group: FallbackExceptionGroup) -> Iterator[AgentRunError]:
    """The errors in a group, in order; what is not of pydantic-ai cannot be in one."""
    for error in group.exceptions:
        if isinstance(error, FallbackExceptionGroup):
            yield from _leaves(error)
        elif isinstance(error, AgentRunError):
            yield error
