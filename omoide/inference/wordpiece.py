"""BERT's uncased WordPiece tokenizer, shared by the embedded embedder and the cross-encoder.

Gives the same ids as the package `tokenizers`, which requires a client of a model hub: 37 MB in total, and code
that can download. Names of special tokens in a text are plain text, so that no text can imitate the separator of a
pair.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

VOCABULARY = Path(__file__).parent / "data" / "bert_uncased.vocab.txt"
CLS, SEP, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
MOST_WORD_CHARACTERS = 100
"""Longer words are unknown, as in the original."""

MOST_PIECE_CHARACTERS = 18
"""Length of the longest entry of the vocabulary, without the mark of a continuation."""

_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
# Blocks of Han characters, each of which is a word. Kana and Hangul are written like other scripts.
_HAN = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class _Normalization(dict[int, str]):
    """Maps a decomposed character to what the tokenizer reads: nothing, a blank, a word of its own, or lower case."""

    def __missing__(self, code: int) -> str:
        self[code] = normalized = _normalized(chr(code), code)
        return normalized


def _normalized(character: str, code: int) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r" or category[0] == "Z":
        return " "
    if category[0] == "C" or category == "Mn" or character == "\ufffd":
        return ""
    if category[0] == "P" or character in _ASCII_PUNCTUATION or any(low <= code <= high for low, high in _HAN):
        return f" {character} "
    return character.lower()


@cache
def wordpiece() -> WordPiece:
    """The tokenizer of this process."""
    return WordPiece()


class WordPiece:
    """Converts text to ids. Thread-safe."""

    def __init__(self) -> None:
        """Load the vocabulary: about 15 ms and 5 MB."""
        self._ids = {piece: number for number, piece in enumerate(VOCABULARY.read_text("utf-8").split("\n"))}
        self._normalization = _Normalization()
        self._unknown = self._ids[UNKNOWN]
        self.cls, self.sep = self._ids[CLS], self._ids[SEP]

    def ids(self, text: str, most: int) -> list[int]:
        """The ids of the first `most` pieces of the text, without special tokens."""
        # A piece has fewer characters; only blanks and characters that are left out can make a longer text matter.
        text = text[: most * MOST_PIECE_CHARACTERS]
        found: list[int] = []
        for word in unicodedata.normalize("NFD", text).translate(self._normalization).split():
            found += self._pieces(word)
            if len(found) >= most:
                return found[:most]
        return found

    def _pieces(self, word: str) -> list[int]:
        whole = self._ids.get(word)
        if whole is not None:
            return [whole]
        if len(word) > MOST_WORD_CHARACTERS:
            return [self._unknown]
        pieces: list[int] = []
        start = 0
        while start < len(word):
            piece, start = self._longest_piece(word, start)
            if piece is None:
                return [self._unknown]
            pieces.append(piece)
        return pieces

    def _longest_piece(self, word: str, start: int) -> tuple[int | None, int]:
        """The longest piece of the word from `start`, and where it ends; None if there is none."""
        mark = "##" if start else ""
        for end in range(min(len(word), start + MOST_PIECE_CHARACTERS), start, -1):
            piece = self._ids.get(f"{mark}{word[start:end]}")
            if piece is not None:
                return piece, end
        return None, start
