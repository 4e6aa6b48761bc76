"""Llama 2's tokenizer, which WordLlama's vectors are numbered by, run by the engine that counts tokens anyway.

SentencePiece made that vocabulary: it joins characters, the most common pairs first, and spells those that it does not
know in bytes. tiktoken joins bytes by rank. The two come out alike once the first ranks join the bytes of each known
character; what such a rank joined of an unknown one is taken apart again. The ranks travel with the package
(`data/l2_supercat.ranks.gz`); tests/inference/wordllama_data.py makes them and compares with the original tokenizer.
"""

from __future__ import annotations

import gzip
import io
import re
from binascii import a2b_base64
from importlib import resources
from itertools import chain

from omoide.deferred import deferred

with deferred("tiktoken"):
    import tiktoken

RANKS_FILE = "data/l2_supercat.ranks.gz"

# No token goes on into a blank once it has left one, so nothing is joined across such a place.
PATTERN = " *[^ ]+| +"
# What the original writes for a blank. In a text, it is one.
BLANK = "\u2581"
SPECIAL = {"<unk>": 0, "<s>": 1, "</s>": 2}
_SEVERAL = -1
_AT_SPECIAL = re.compile(f"({'|'.join(SPECIAL)})")


class LlamaTokenizer:
    """Any text to the ids of its tokens, without one for its beginning. One tokenizer serves all threads."""

    def __init__(self) -> None:
        """Reads the ranks: some 50 ms."""
        packed = resources.files(__package__).joinpath(RANKS_FILE).read_bytes()
        # Each line is `<bytes in base64> <id>[,<id>…]`, and line n holds rank n.
        lines = [line.split() for line in io.BytesIO(gzip.decompress(packed))]
        ranks = {a2b_base64(joined): rank for rank, (joined, _) in enumerate(lines)}
        self._encoding = tiktoken.Encoding("llama2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
        self._ids = [tuple(map(int, ids.split(b","))) for _, ids in lines]
        # Nearly every rank stands for one token, and looking these up is three times as fast as joining tuples.
        self._id = [ids[0] if len(ids) == 1 else _SEVERAL for ids in self._ids]

    def ids(self, text: str) -> list[int]:
        """The ids of the text's tokens. Names of special tokens stand for those, as in the original."""
        if "<" not in text:
            return self._plain(text)
        parts = _AT_SPECIAL.split(text)
        return [*chain.from_iterable([SPECIAL[part]] if part in SPECIAL else self._plain(part) for part in parts)]

    def _plain(self, text: str) -> list[int]:
        if not text:
            return []
        found = self._encoding.encode_ordinary(f" {text}".replace(BLANK, " "))
        ids = [*map(self._id.__getitem__, found)]
        return [*chain.from_iterable(map(self._ids.__getitem__, found))] if _SEVERAL in ids else ids
