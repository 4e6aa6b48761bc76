"""Whether a model answers at all: one small request to it alone, without the retries and the fallback of real work.

Loads pydantic-ai, so it is loaded only where a model is configured.
"""

from __future__ import annotations

import asyncio

from pydantic_ai.direct import model_request
from pydantic_ai.messages import ModelRequest
from pydantic_ai.settings import ModelSettings

from omoide.inference.answer_limits import MOST_JSON_BYTES
from omoide.inference.answers import failure
from omoide.inference.model_choice import ModelChoice
from omoide.inference.model_client import model_client, reading
from omoide.inference.provider_errors import failure_of, late
from omoide.inference.provider_models import provider_model

QUESTION = "Say yes."
MOST_OUTPUT = 16
"""Tokens; some providers refuse to be asked for fewer."""


async def probe(choice: ModelChoice, seconds: float) -> None:
    """Returns once the model has answered, whatever it said. Raises an OmoideError that says what is wrong."""
    settings = ModelSettings(max_tokens=MOST_OUTPUT, timeout=seconds, max_retries=0)
    async with model_client(seconds, MOST_JSON_BYTES) as client:
        model = provider_model(choice, client)  # loads packages, which is not the provider's time
        with reading() as noted:
            try:
                async with asyncio.timeout(seconds):
                    await model_request(model, [ModelRequest.user_text_prompt(QUESTION)], model_settings=settings)
            except TimeoutError:
                raise late(choice.name, seconds) from None
            except Exception as error:
                found = failure(error, choice.model, noted)
                if found is None:
                    raise
                # Without its cause: a provider's own words may quote a key.
                raise failure_of(found, choice.name) from None
