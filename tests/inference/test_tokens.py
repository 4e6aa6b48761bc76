"""Token counts: the published ranks, special tokens as plain text, budgets, and unusual texts."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken_ext import openai_public  # type: ignore[import-untyped]

from omoide.inference import tokens
from omoide.inference.tokens import BLOCK, TokenCounter

# Pinned by tiktoken for o200k_base.
PUBLISHED_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"

WORDS = ["word", " Word", "'ll", "don't", "12345", "!?", "é", "漢字", "🧑‍🚀", "\u0301", "<|endoftext|>", "x" * 40]
BLANKS = ["\n\n", "   ", "\t", " \n ", "\r\n"]
TEXTS = st.lists(st.sampled_from(WORDS + BLANKS) | st.text(max_size=8), max_size=40).map("".join)


@pytest.fixture(scope="module")
def counter() -> TokenCounter:
    return TokenCounter()


def ranks_file() -> bytes:
    return gzip.decompress(resources.files("omoide.inference").joinpath(tokens.RANKS_FILE).read_bytes())


def test_the_ranks_are_the_published_ones() -> None:
    assert hashlib.sha256(ranks_file()).hexdigest() == PUBLISHED_SHA256


def test_line_n_of_the_ranks_holds_rank_n() -> None:
    assert [int(line.split()[1]) for line in ranks_file().splitlines()] == list(range(199_998))


def test_every_whole_word_among_the_ranks_is_one_token(counter: TokenCounter) -> None:
    words = [base64.b64decode(line.split()[0]) for line in ranks_file().splitlines()]
    lower_case = [word.decode() for word in words if word.isalpha() and word.islower()]
    assert len(lower_case) > 20_000
    assert {word for word in lower_case if counter.count(word) != 1} == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("hello world", 2),
        ("Alice moved to Berlin in March 2024.", 10),
        ("antidisestablishmentarianism", 6),
        ("don't you'll we've", 3),
        ("お誕生日おめでとう", 8),
        ("1234567", 3),
        (" " * 20 + "x", 2),
    ],
)
def test_counts_equal_those_of_o200k_base(counter: TokenCounter, text: str, expected: int) -> None:
    assert counter.count(text) == expected


@pytest.fixture(scope="module")
def published() -> tiktoken.Encoding:
    """The encoding that tiktoken defines, with our ranks, which it would download."""
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, ranks_file().splitlines())}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: ranks)
        return tiktoken.Encoding(**openai_public.o200k_base())


@pytest.mark.parametrize(
    ("characters", "length"),
    [
        (" \n\ta!1", 5),
        ("\r\n /b.", 5),
        *((f"{rare} \na!", 4) for rare in "\x0b\x1c\x85\xa0\u1680\u200a\u200b\u2028\u3000é"),
    ],
)
def test_counts_of_short_texts_equal_those_of_tiktoken(
    counter: TokenCounter, published: tiktoken.Encoding, characters: str, length: int
) -> None:
    texts = [*map("".join, itertools.product(characters, repeat=length))]
    expected = [len(tokens) for tokens in published.encode_ordinary_batch(texts, num_threads=1)]
    assert counter.count_all(texts) == expected


@given(text=TEXTS)
@settings(deadline=None)
def test_counts_of_any_text_equal_those_of_tiktoken(
    counter: TokenCounter, published: tiktoken.Encoding, text: str
) -> None:
    assert counter.count(text) == len(published.encode_ordinary(text))


@given(texts=st.lists(TEXTS | st.just("words, and no run of blanks"), max_size=6))
@settings(deadline=None, max_examples=30)
def test_texts_have_the_same_count_together_and_alone(counter: TokenCounter, texts: list[str]) -> None:
    assert counter.count_all(texts) == [counter.count(text) for text in texts]


def test_counting_the_pieces_of_a_large_file_needs_little_memory(counter: TokenCounter) -> None:
    pieces = [f"{number} is said in it. 漢字" * 1_000 for number in range(200)]
    expected = [counter.count(piece) for piece in pieces]
    tracemalloc.start()
    try:
        assert counter.count_all(pieces) == expected
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_unusual_texts_have_the_same_count_together_and_alone(counter: TokenCounter) -> None:
    long = "c" * (BLOCK + 1)
    for texts in (
        ["a\x00b", "\x00", "", long, "\x00\x00 d"],
        ["a\x01b", "c"],
        ["a  b", "\x00", "\ud83d", "\ude00"],
        [long, ""],
    ):
        assert counter.count_all(texts) == [counter.count(text) for text in texts]


def test_names_of_special_tokens_count_as_plain_text(counter: TokenCounter) -> None:
    assert counter.count("<|endoftext|>") == 7
    assert counter.trim("<|endoftext|> and more", 9) == "<|endoftext|> and more"


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83d\ude00 pair", "\ud800" * 5])
def test_lone_surrogates_are_counted(counter: TokenCounter, text: str) -> None:
    assert counter.count(text) >= 1
    assert text.startswith(counter.trim(text, 1))


@pytest.mark.parametrize("run", [" ", "\n", "a", "A", "!", "漢", "\u0301", "\u200d", "🧑", "\t\n"])
def test_a_run_of_a_million_characters_is_counted(counter: TokenCounter, run: str) -> None:
    text = run * (1_000_000 // len(run)) + "x"
    assert 0 < counter.count(text) <= len(text.encode())
    assert text.startswith(counter.trim(text, 10))


def test_a_long_text_counts_as_much_as_its_words(counter: TokenCounter) -> None:
    sentence = " The quick brown fox, it's said, jumps over 12 lazy dogs."
    assert counter.count(sentence * 4_000) == 4_000 * counter.count(sentence)


def test_blocks_join_to_the_text_and_are_limited_in_size() -> None:
    for text in ("", "word " * 20_000, "x" * (3 * BLOCK + 1), " " * (2 * BLOCK), "x" * (BLOCK - 1) + " y" * BLOCK):
        blocks = list(tokens._blocks(text))
        assert "".join(blocks) == text
        assert max(map(len, blocks)) <= BLOCK


def test_a_text_within_the_budget_is_not_trimmed(counter: TokenCounter) -> None:
    text = "One two three."
    assert counter.trim(text, counter.count(text)) is text


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_of_zero_gives_an_empty_text(counter: TokenCounter, budget: int) -> None:
    assert counter.trim("words", budget) == ""


def test_a_cut_never_falls_inside_a_character(counter: TokenCounter) -> None:
    text = "🧑‍🚀🫠𒀀" * 5
    cuts = [counter.trim(text, budget) for budget in range(counter.count(text) + 1)]
    assert all(text.startswith(cut) for cut in cuts)
    assert cuts[-1] == text


def test_a_long_text_is_trimmed_to_the_budget_exactly(counter: TokenCounter) -> None:
    text = " many plain words" * 40_000
    assert counter.count(counter.trim(text, 100_000)) == 100_000


@given(text=TEXTS, budget=st.integers(0, 60))
@settings(deadline=None)
def test_a_trimmed_text_is_a_prefix_within_the_budget(counter: TokenCounter, text: str, budget: int) -> None:
    trimmed = counter.trim(text, budget)
    assert text.startswith(trimmed)
    assert counter.count(trimmed) <= budget
    assert trimmed == text or counter.count(text) > budget


@given(text=TEXTS)
@settings(deadline=None)
def test_a_text_has_no_more_tokens_than_bytes(counter: TokenCounter, text: str) -> None:
    assert counter.count(text) <= len(text.encode("utf-8"))


def test_threads_share_one_load() -> None:
    counter = TokenCounter()
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: counter._loaded(), range(8)))
    assert len({id(encoding) for encoding in loaded}) == 1
