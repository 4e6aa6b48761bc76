"""Exceptions for failures of a model.

Imports no provider's package, so that catching these exceptions does not require one. `provider_errors.py` translates
providers' exceptions to these.
"""

from __future__ import annotations

from typing import ClassVar

from omoide.core.errors import OmoideError, Unavailable

QUOTA, RATE = "has no quota or credit left", "was asked too often"
KEY, UNKNOWN = "refused the key", "does not know this model or address"
REQUEST, FORM = "refused the request", "refused the form of output that was asked for"
TOOLS = "takes no tools"
DOWN, BROKEN, LATE = "is overloaded or down", "failed", "did not answer in time"
UNREACHABLE, UNREADABLE = "could not be reached, or broke off", "gave no answer that can be read"
TOO_LONG, BROKEN_OFF = "sent more than an answer may hold", "ended its answer before it was complete"
WITHHELD = "withheld the answer of the model"
FAULTS = (
    *(QUOTA, RATE, KEY, UNKNOWN, REQUEST, FORM, DOWN, BROKEN, LATE, UNREACHABLE, UNREADABLE),
    *(TOO_LONG, BROKEN_OFF, WITHHELD),
)
"""All faults of a provider, in our own words. They are safe to show on health endpoints."""


class ProviderFailed(Unavailable):
    """The model gave no answer. `retryable`: the same request may succeed later without a change of configuration.

    `reason` is a sentence for the operator and the job's record: it names the model and the fault, and never contains a
    key or a text of a user. `provider_status` is the provider's HTTP status, if it answered.
    """

    def __init__(self, reason: str, *, retryable: bool, provider_status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.provider_status = provider_status


class ModelBusy(ProviderFailed):
    """The request could not start in time, because the maximum number was running."""


class FormRefused(ProviderFailed):
    """The endpoint does not support the output mode. Retry with a simpler one."""


class ModelUnfit(OmoideError):
    """The model cannot do the task: its output does not match the form, or the input exceeds its context window.

    Waiting does not help, so this counts as a failed attempt, not as an outage.
    """

    status: ClassVar[int] = 503


class RequestRefused(ModelUnfit):
    """The provider rejected the request for its content or size, and would again.

    `reason` and `provider_status`: see ProviderFailed.
    """

    def __init__(self, reason: str, *, provider_status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.provider_status = provider_status


class ToolsRefused(RequestRefused):
    """The endpoint takes no tools. Ask without them."""


class ContextExceeded(RequestRefused):
    """The text exceeds the model's context window. Ask with less.

    `share` of the text has room in it, if the provider named that.
    """

    def __init__(self, reason: str, *, provider_status: int | None = None, share: float | None = None) -> None:
        super().__init__(reason, provider_status=provider_status)
        self.share = share


class UnreadableOutput(ModelUnfit):
    """The model's output cannot be read. `sample` is its beginning, which may contain what users wrote."""

    def __init__(self, reason: str, sample: str = "") -> None:
        super().__init__(reason)
        self.sample = sample
