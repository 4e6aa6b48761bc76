"""Whether a model answers at all: one small request to it alone, without the retries and the fallback of real work.

Loads pydantic-ai, so it is loaded only where a model is configured.
"""

from __future__ import annotations

import asyncio

import httpx2
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelRequest
from pydantic_ai.models import create_async_httpx2_client
from pydantic_ai.settings import ModelSettings

from omoide.inference.model_choice import ModelChoice
from omoide.inference.provider_errors import failure_of, late
from omoide.inference.provider_models import provider_model

QUESTION = "Say yes."
MOST_OUTPUT = 16
"""Tokens; some providers refuse to be asked for fewer."""


async def probe(choice: ModelChoice, seconds: float) -> None:
    """Returns once the model has answered, whatever it said. Raises an OmoideError that says what is wrong."""
    settings = ModelSettings(max_tokens=MOST_OUTPUT, timeout=seconds, max_retries=0)
    async with create_async_httpx2_client(timeout=httpx2.Timeout(seconds)) as client:
        model = provider_model(choice, client)  # loads packages, which is not the provider's time
        try:
            async with asyncio.timeout(seconds):
                await model_request(model, [ModelRequest.user_text_prompt(QUESTION)], model_settings=settings)
        except TimeoutError:
            raise late(choice.name, seconds) from None
        except AgentRunError as error:
            # Without its cause: a provider's own words may quote a key.
            raise failure_of(error, choice.name) from None
