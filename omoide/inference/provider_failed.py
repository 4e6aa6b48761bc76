"""The ways in which a model fails, as the rest of the server sees them.

Loads no provider's package, so that whoever only wants to recognise a failure need not. What becomes what is decided
in `provider_errors.py`.
"""

from __future__ import annotations

from typing import ClassVar

from omoide.errors import OmoideError, Unavailable

QUOTA, RATE = "has no quota or credit left", "was asked too often"
KEY, UNKNOWN = "refused the key", "does not know this model or address"
REQUEST, FORM = "refused the request", "refused the form of output that was asked for"
DOWN, BROKEN, LATE = "is overloaded or down", "failed", "did not answer in time"
UNREACHABLE, UNREADABLE = "could not be reached, or broke off", "gave no answer that can be read"
TOO_LONG, BROKEN_OFF = "sent more than an answer may hold", "ended its answer before it was complete"
WITHHELD = "withheld the answer of the model"
FAULTS = (
    *(QUOTA, RATE, KEY, UNKNOWN, REQUEST, FORM, DOWN, BROKEN, LATE, UNREACHABLE, UNREADABLE),
    *(TOO_LONG, BROKEN_OFF, WITHHELD),
)
"""All that a provider can have done, in our own words: whoever may hear how the server is may hear them."""


class ProviderFailed(Unavailable):
    """No answer of a model. `retryable` says whether the same request may succeed later, with nothing changed here.

    `reason` is a sentence for the operator and the job's record: it names the model and what went wrong, and never
    holds a key or a text of a user. `provider_status` is the HTTP status that the provider answered with, if it did.
    """

    def __init__(self, reason: str, *, retryable: bool, provider_status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.provider_status = provider_status


class ModelBusy(ProviderFailed):
    """No request could begin in time, because as many as are allowed were running."""


class FormRefused(ProviderFailed):
    """The endpoint does not know the form of output that was asked for. Ask in a simpler one."""


class ModelUnfit(OmoideError):
    """The model is there and cannot do this: its answers keep to no form, or the task is longer than its context.

    To wait does not help, so this counts as a failed attempt and not as an outage.
    """

    status: ClassVar[int] = 503


class RequestRefused(ModelUnfit):
    """The provider refused this very request, for what it says or for its size, and would again.

    `reason` and `provider_status` are those of ProviderFailed.
    """

    def __init__(self, reason: str, *, provider_status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.provider_status = provider_status
