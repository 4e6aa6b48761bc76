"""The embedded embedder: vectors and tokens equal those of the package wordllama."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
import wordllama  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from omoide.core import malloc
from omoide.inference import wordllama_embedder
from omoide.inference.embedders import Vectors
from omoide.inference.llama_tokenizer import LlamaTokenizer
from omoide.inference.wordllama_embedder import TOKENS_AT_ONCE, WordLlamaEmbedder
from tests.inference import wordllama_data
from tests.inference.embedding_endpoint import SENTENCES, run


@cache
def _original() -> Any:
    """WordLlama as loaded by its own package."""
    return wordllama.WordLlama.load(cache_dir=wordllama.__path__[0], disable_download=True)


@cache
def _tokenizer() -> LlamaTokenizer:
    return LlamaTokenizer()


@pytest.fixture
def original() -> Any:
    return _original()


# The embedded embedder.


def test_wordllama_agrees_with_its_own_pooling(words: WordLlamaEmbedder, original: Any) -> None:
    assert run(words, SENTENCES) == pytest.approx(original.embed(SENTENCES, norm=True), abs=1e-6)


def test_the_shipped_files_equal_those_of_the_wordllama_package() -> None:
    assert wordllama_data.WEIGHTS.read_bytes() == wordllama_embedder.WEIGHTS.read_bytes()
    assert gzip.decompress(wordllama_data.RANKS.read_bytes()) == wordllama_data.ranks()


def test_token_vectors_equal_those_of_the_package_exactly(original: Any) -> None:
    ours = wordllama_embedder.TokenVectors(wordllama_embedder.WEIGHTS)
    theirs = original.embedding
    ids = [*range(len(theirs))]
    assert (ours.sums([[each] for each in ids[::7]]) == theirs[ids[::7]]).all()
    assert (ours.sums([ids[5_000:9_000], ids[7:9]])[0] == theirs[5_000:9_000].sum(axis=0)).all()


@pytest.mark.parametrize(
    "text",
    [
        "I moved to Lisbon last spring, with my dog Rex.",
        "  two  blanks   three\n\nlines\tand tabs  ",
        "def f(x):\n        return {'a': [1, 2.5e-3]}  # 0x1F\r\n",
        "Straße, señor, 中文字, かな, Ελλάδα, עברית, हिन्दी, \u0378 \U0001f9ff\U0001f469\u200d\U0001f4bb",
        "bytes of unknown \u3400\u3401 beside known \u2581\u2582 and \x00\x7f",
        "aaaaaaaaaaaaaaa abababababa =-=-=-=-= ________",
        "<s> and </s><unk> inside <s>text, <0x41> is none",
        "".join(map(chr, range(1, 0x600))),
    ],
)
def test_tokens_equal_those_of_the_original_tokenizer(text: str, original: Any) -> None:
    assert _tokenizer().ids(text) == original.tokenizer.encode(text, add_special_tokens=False).ids


@settings(max_examples=300)
@given(st.text(max_size=60) | st.text("ab \u2581<s>-\n0中é\U0001f600", max_size=60))
def test_tokens_of_any_text_equal_those_of_the_original_tokenizer(text: str) -> None:
    assert _tokenizer().ids(text) == _original().tokenizer.encode(text, add_special_tokens=False).ids


def test_a_trim_unmaps_the_vectors_and_changes_none(words: WordLlamaEmbedder) -> None:
    texts = [f"text {number} about a cat" for number in range(200)]
    before = words.embed_now(texts)
    malloc.trim()
    assert np.array_equal(words.embed_now(texts), before)


def test_a_very_long_text_is_embedded_completely(words: WordLlamaEmbedder) -> None:
    half = "cat " * TOKENS_AT_ONCE
    vectors = run(words, [half, half + "invoice " * TOKENS_AT_ONCE, "😀" * 25_000])
    assert vectors[0] @ vectors[1] < 0.9
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)


def test_calls_at_once_share_one_model() -> None:
    embedder = WordLlamaEmbedder()

    async def several() -> list[Vectors]:
        return await asyncio.gather(*(embedder.embed(SENTENCES) for _ in range(8)))

    results = asyncio.run(several())
    assert all((vectors == results[0]).all() for vectors in results)


def test_the_event_loop_runs_while_wordllama_computes(words: WordLlamaEmbedder) -> None:
    async def ticks() -> int:
        task = asyncio.create_task(words.embed(SENTENCES * 500))
        count = 0
        while not task.done():
            await asyncio.sleep(0)
            count += 1
        return count

    assert asyncio.run(ticks()) > 10, "far more than the steps that the call itself takes"


def test_the_model_loads_on_first_use_and_without_its_package() -> None:
    program = """
import asyncio, sys
from omoide.inference.embedder_factory import make_embedder as embedder_for
from omoide.inference.tokens import TokenCounter
embedder = embedder_for("wordllama", tokens=TokenCounter())
assert not {"numpy", "tiktoken"} & set(sys.modules)
asyncio.run(embedder.embed(["a text"]))
assert not {"wordllama", "tokenizers", "safetensors", "huggingface_hub", "requests"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
