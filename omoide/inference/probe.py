"""Check whether a model answers: one small request, without retries and fallback.

Imports pydantic-ai, so it is imported only if a model is configured.
"""

from __future__ import annotations

import asyncio

from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import ContentFilterError, ModelAPIError
from pydantic_ai.messages import ModelRequest
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings

from omoide.inference.http_client import model_client, reading
from omoide.inference.model_config import ModelConfig
from omoide.inference.model_traits import ModelTraits
from omoide.inference.output_limits import adjusted
from omoide.inference.provider_errors import failure_of, late
from omoide.inference.providers import provider_model
from omoide.inference.response_checks import failure
from omoide.inference.response_limits import MOST_JSON_BYTES

QUESTION = "Say yes."
MOST_OUTPUT = 16
"""Tokens; some providers refuse a lower limit."""


async def probe(choice: ModelConfig, seconds: float) -> None:
    """Return once the model has answered, whatever the answer. Raises an OmoideError with the reason otherwise."""
    traits = ModelTraits()
    settings = ModelSettings(max_tokens=MOST_OUTPUT, timeout=seconds, max_retries=0)
    async with model_client(seconds, MOST_JSON_BYTES) as client:
        model = provider_model(choice, client)  # imports packages, which must not count as the provider's time
        while (found := await _failure(model, choice, settings, seconds)) is not None:
            lower = adjusted(traits, settings, found) if isinstance(found, ModelAPIError) else None
            if lower is None or lower == settings:
                # `from None`: a provider's message may quote a key.
                raise failure_of(found, choice.name) from None
            settings = lower


async def _failure(
    model: Model, choice: ModelConfig, settings: ModelSettings, seconds: float
) -> ModelAPIError | ContentFilterError | None:
    """Ask once. Raises ProviderFailed if there is no answer in time."""
    with reading() as state:
        try:
            async with asyncio.timeout(seconds):
                await model_request(model, [ModelRequest.user_text_prompt(QUESTION)], model_settings=settings)
        except TimeoutError:
            raise late(choice.name, seconds) from None
        except Exception as error:
            found = failure(error, choice.model, state)
            if found is None:
                raise
            return found
    return None
