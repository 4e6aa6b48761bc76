"""Translate pydantic-ai's exceptions to ours: transient or permanent, with a sentence for the operator.

Providers' own messages are never quoted, because they tend to contain the refused key, or the text.
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

from omoide.core.errors import OmoideError
from omoide.inference import errors as said
from omoide.inference.errors import (
    ContextExceeded,
    FormRefused,
    ModelUnfit,
    ProviderFailed,
    RequestRefused,
    ToolsRefused,
)
from omoide.inference.refusals import is_about_length, is_about_tools, room_share
from omoide.inference.response_checks import InvalidResponse

Error = AgentRunError | FallbackExceptionGroup
"""Exceptions that a run of pydantic-ai raises."""

_PASSING_STATUSES = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
# An endpoint that does not know the output mode answers with one of these statuses and words.
_FORM_STATUSES = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
_FORM_WORDS = re.compile(r"response_format|json_schema|json_object|output_config|grammar|\bschema\b", re.IGNORECASE)

# Exception → fault, and whether it is transient. The first match counts.
_FAULTS: tuple[tuple[type[ModelAPIError], str, bool], ...] = (
    (ModelQuotaExceededError, said.QUOTA, True),
    (ModelRateLimitError, said.RATE, True),
    (ModelAuthenticationError, said.KEY, False),
    (ModelNotFoundError, said.UNKNOWN, False),
    (ModelRequestRejectedError, said.REQUEST, False),
    (ModelUnavailableError, said.DOWN, True),
    (ModelServerError, said.BROKEN, True),
    (ModelTimeoutError, said.LATE, True),
    (ModelRequestTimeout, said.LATE, True),
    (ModelConnectionError, said.UNREACHABLE, True),
)
# Statuses that mean a rejected request, if only the status is known.
_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})


def is_passing(error: ModelAPIError) -> bool:
    """Whether the same request may succeed if it is retried at once.

    Time-outs and too long answers are not retried, because the time is used up. Quota, keys and unknown models need an
    operator.
    """
    if isinstance(error, InvalidResponse):
        return error.fault != said.TOO_LONG
    if is_about_form(error) or is_about_length(error):
        return False
    if isinstance(error, ModelTimeoutError | ModelRequestTimeout | ModelQuotaExceededError):
        return False
    if isinstance(error, ModelRateLimitError | ModelUnavailableError | ModelServerError | ModelConnectionError):
        return True
    if isinstance(error, ModelHTTPError):
        return error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status_code in _PASSING_STATUSES
    # A plain ModelAPIError is an error in the middle of a stream; every refusal has a subclass.
    return not isinstance(error, ModelRequestRejectedError)


def is_about_form(error: ModelAPIError) -> bool:
    """Whether the endpoint refuses the output mode rather than the request."""
    if not isinstance(error, ModelHTTPError) or is_about_length(error):
        return False
    return error.status_code in _FORM_STATUSES and bool(_FORM_WORDS.search(str(error.body)))


def failure_of(error: Error, name: str, *, asks_form: bool = True, offers_tools: bool = False) -> OmoideError:
    """Translate `error`; `name` is the model as configured, `asks_form` whether a form of output was requested, and
    `offers_tools` whether tools were offered.

    If a fallback was tried as well, the first failure determines the message, and all of them whether the request may
    succeed later.
    """
    if isinstance(error, FallbackExceptionGroup):
        failures = [failure_of(one, name, asks_form=asks_form, offers_tools=offers_tools) for one in _leaves(error)]
        first = failures[0]
        outages = [one for one in failures if isinstance(one, ProviderFailed)]
        if len(failures) == 1 or not outages:
            return first
        kind = FormRefused if isinstance(first, FormRefused) else ProviderFailed
        status = first.provider_status if isinstance(first, ProviderFailed | RequestRefused) else None
        passing = any(one.retryable for one in outages)
        return kind(f"{first.detail} The fallback failed too.", retryable=passing, provider_status=status)
    if isinstance(error, ModelAPIError):
        status = error.status_code if isinstance(error, ModelHTTPError) else None
        if offers_tools and is_about_tools(error):
            return ToolsRefused(f"The provider of {name} {said.TOOLS}{_shown(status)}.", provider_status=status)
        return _provider_failure(error, name, asks_form)
    if isinstance(error, ContentFilterError):
        return ModelUnfit(f"The provider of {name} {said.WITHHELD}.")
    if isinstance(error, UnexpectedModelBehavior):
        return ModelUnfit(f"The answers of {name} do not match the requested form.")
    return ModelUnfit(f"The run with {name} ended early: {type(error).__name__}.")


def late(name: str, seconds: float) -> ProviderFailed:
    """The exception for a time-out."""
    return ProviderFailed(f"The provider of {name} did not answer within {seconds:g} s.", retryable=True)


def fault_of(error: ModelAPIError | ContentFilterError) -> str:
    """The provider's fault, one of `provider_failed.FAULTS`."""
    if isinstance(error, ContentFilterError):
        return said.WITHHELD
    return said.FORM if is_about_form(error) else _plain_fault(error)[0]


def _provider_failure(error: ModelAPIError, name: str, asks_form: bool) -> OmoideError:
    status = error.status_code if isinstance(error, ModelHTTPError) else None
    shown = _shown(status)
    if is_about_length(error):
        # A status alone may mean bytes.
        is_said = status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE or isinstance(error, ModelContextWindowExceededError)
        reason = f"The provider of {name} {said.REQUEST}{shown}."
        reason = f"The text exceeds the context window of {name}." if is_said else reason
        return ContextExceeded(reason, provider_status=status, share=room_share(error))
    if asks_form and is_about_form(error):
        reason = f"The provider of {name} {said.FORM}{shown}."
        return FormRefused(reason, retryable=False, provider_status=status)
    fault, retryable = _plain_fault(error)
    reason = f"The provider of {name} {fault}{shown}."
    if fault == said.REQUEST:
        return RequestRefused(reason, provider_status=status)
    return ProviderFailed(reason, retryable=retryable, provider_status=status)


def _shown(status: int | None) -> str:
    return "" if status is None else f" (HTTP {status})"


def _plain_fault(error: ModelAPIError) -> tuple[str, bool]:
    """The fault, and whether it is transient."""
    if isinstance(error, InvalidResponse):
        return error.fault, True
    for kind, fault, retryable in _FAULTS:
        if isinstance(error, kind):
            return fault, retryable
    if isinstance(error, ModelHTTPError) and error.status_code in _REFUSALS:
        return said.REQUEST, False
    return said.UNREADABLE, is_passing(error)


def _leaves(group: FallbackExceptionGroup) -> Iterator[AgentRunError]:
    """The exceptions in a group, in order, flattened. A group holds only exceptions of pydantic-ai."""
    for error in group.exceptions:
        if isinstance(error, FallbackExceptionGroup):
            yield from _leaves(error)
        elif isinstance(error, AgentRunError):
            yield error
