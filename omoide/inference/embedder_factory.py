"""Create the embedder from the settings: an embedded one, or `openai:<model>` for any OpenAI-compatible endpoint."""

from __future__ import annotations

import logging

from omoide.core.settings import SettingsError
from omoide.inference import e5_embedder
from omoide.inference.bge_embedder import BgeEmbedder
from omoide.inference.e5_embedder import E5Embedder
from omoide.inference.embedders import Embedder
from omoide.inference.onnx_model import unavailable_reason
from omoide.inference.openai_embedder import EmbeddingEndpoint, OpenAIEmbedder
from omoide.inference.tokens import TokenCounter
from omoide.inference.wordllama_embedder import WordLlamaEmbedder

logger = logging.getLogger("omoide.inference")

BGE_SMALL, WORDLLAMA, E5 = "bge-small", "wordllama", "e5"
CHOICES = f"{BGE_SMALL!r}, {WORDLLAMA!r}, {E5!r} or 'openai:<model>'"
OPENAI_BASE_URL = "https://api.openai.com/v1"

# The full vector lengths of OpenAI's own models, from its documentation.
OPENAI_DIMENSIONS = {
    "text-embedding-3-small": 1_536,
    "text-embedding-3-large": 3_072,
    "text-embedding-ada-002": 1_536,
}


def make_embedder(
    choice: str,
    *,
    tokens: TokenCounter,
    base_url: str = "",
    api_key: str = "",
    dimensions: int | None = None,
    threads: int = 1,
) -> Embedder:
    """Create the embedder named by `choice`. `threads` applies to models that run here, the rest to `openai:<model>`.

    Where bge-small cannot run, WordLlama takes its place, with a warning.

    OpenAI's public address is the default only for OpenAI's own models and with a key, so that no text goes to an
    unintended provider. Raises SettingsError with a sentence for the operator.
    """
    if choice == BGE_SMALL:
        return _bge_or_wordllama(threads)
    if choice == WORDLLAMA:
        return WordLlamaEmbedder()
    if choice == E5:
        return _e5(threads)
    kind, _, model = choice.partition(":")
    if kind != "openai" or not model:
        raise SettingsError(f"OMOIDE_EMBEDDER is {choice!r}; it must be {CHOICES}.")
    full = OPENAI_DIMENSIONS.get(model)
    if not base_url:
        if full is None or not api_key:
            raise SettingsError(f"OMOIDE_EMBEDDER_BASE_URL must be set for {choice!r}.")
        base_url = OPENAI_BASE_URL
    dimensions = dimensions or full
    if dimensions is None:
        raise SettingsError(f"OMOIDE_EMBEDDER_DIMENSIONS must be set: the vector length of {model!r} is not known.")
    return OpenAIEmbedder(
        model,
        EmbeddingEndpoint(base_url, api_key),
        dimensions=dimensions,
        tokens=tokens,
        shorten=full is not None and dimensions != full,
    )


def _bge_or_wordllama(threads: int) -> Embedder:
    if (reason := unavailable_reason()) is None:
        return BgeEmbedder(threads=threads)
    logger.warning("The embedder bge-small cannot run here; using wordllama instead. %s", reason)
    return WordLlamaEmbedder()


def _e5(threads: int) -> Embedder:
    if not e5_embedder.is_installed():
        raise SettingsError(f"OMOIDE_EMBEDDER is {E5!r}, which needs an extra: pip install 'omoide[multilingual]'.")
    return E5Embedder(threads=threads)


def comparer_of(embedder: Embedder) -> Embedder:
    """The embedder for comparing many short texts at once, such as the sentences of an answer with each other.

    The same one, unless it runs here and takes milliseconds for a text.
    """
    is_slow = embedder.embed_now is not None and embedder.characters_on_demand < WordLlamaEmbedder.characters_on_demand
    return WordLlamaEmbedder() if is_slow else embedder
