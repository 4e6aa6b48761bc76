"""Llama 2's tokenizer, whose token ids index WordLlama's vectors, implemented with tiktoken.

Its vocabulary comes from SentencePiece, which merges characters, the most common pairs first, and falls back to bytes
for unknown ones. tiktoken merges bytes by rank. Both give the same result if the first ranks merge the bytes of each
known character; what such a rank merged of an unknown character is split again. The ranks are shipped with the package
(`data/l2_supercat.ranks.gz`); tests/inference/wordllama_data.py creates them and compares with the original tokenizer.
"""

from __future__ import annotations

import gzip
import io
import re
from binascii import a2b_base64
from importlib import resources
from itertools import chain

from omoide.core.lazy_import import lazy_import

with lazy_import("tiktoken"):
    import tiktoken

RANKS_FILE = "data/l2_supercat.ranks.gz"

# No token contains a blank after another character, so text can be split there.
PATTERN = " *[^ ]+| +"
# SentencePiece's mark for a blank; equivalent to a blank in input.
BLANK = "\u2581"
SPECIAL = {"<unk>": 0, "<s>": 1, "</s>": 2}
_SEVERAL = -1
_AT_SPECIAL = re.compile(f"({'|'.join(SPECIAL)})")


class LlamaTokenizer:
    """Converts text to token ids, without a beginning-of-sequence token. Thread-safe."""

    def __init__(self) -> None:
        """Load the ranks: about 50 ms."""
        packed = resources.files(__package__).joinpath(RANKS_FILE).read_bytes()
        # Each line is `<bytes in base64> <id>[,<id>…]`, and line n holds rank n.
        lines = [line.split() for line in io.BytesIO(gzip.decompress(packed))]
        ranks = {a2b_base64(joined): rank for rank, (joined, _) in enumerate(lines)}
        self._encoding = tiktoken.Encoding("llama2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
        # The encoder has its own copy.
        ranks.clear()
        # Nearly every rank maps to one id, and looking these up is three times as fast as joining lists.
        self._id = [_SEVERAL if b"," in ids else int(ids) for _, ids in lines]
        self._several = {rank: [*map(int, ids.split(b","))] for rank, (_, ids) in enumerate(lines) if b"," in ids}

    def ids(self, text: str) -> list[int]:
        """The token ids of the text. Names of special tokens are parsed as such, as in the original."""
        if "<" not in text:
            return self._plain(text)
        parts = _AT_SPECIAL.split(text)
        return [*chain.from_iterable([SPECIAL[part]] if part in SPECIAL else self._plain(part) for part in parts)]

    def _plain(self, text: str) -> list[int]:
        if not text:
            return []
        found = self._encoding.encode_ordinary(f" {text}".replace(BLANK, " "))
        ids = [*map(self._id.__getitem__, found)]
        if _SEVERAL not in ids:
            return ids
        return [*chain.from_iterable(self._several.get(rank, [id]) for rank, id in zip(found, ids, strict=True))]
