"""Count o200k_base tokens, and trim text to a token budget.

The ranks are shipped with the package (`data/o200k_base.tiktoken.gz`), because tiktoken itself would download them. The
same encoding is used for budgets of all models.
"""

from __future__ import annotations

import gzip
import io
import re
from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from threading import Lock

from omoide.core.lazy_import import lazy_import
from omoide.fairness.thread_pool import checkpoint
from omoide.inference.batching import batches

with lazy_import("tiktoken"):
    import tiktoken

RANKS_FILE = "data/o200k_base.tiktoken.gz"

# The pattern that splits text into words in o200k_base, as published in tiktoken (MIT, OpenAI), without the alternative
# `\s+(?!\S)` before the last one, because a look-ahead makes tiktoken use a slower engine. That alternative leaves the
# last blank of a run to the next word; instead, the text is split before that blank.
_LETTER_END = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_LETTER_START = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PATTERN = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_LETTER_START}*{_LETTER_END}+{_CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_LETTER_START}+{_LETTER_END}*{_CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+",
    )
)

# Blanks as tiktoken defines them, which differ slightly from Python's. `_KEPT` has no line ends: a run of those is one
# word, whatever follows.
_RARE = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_KEPT = f" \t\x0b\x0c{_RARE}"
_BLANK = f"{_KEPT}\r\n"
_BEFORE_LAST = re.compile(f"[{_BLANK}](?=[{_KEPT}][^{_BLANK}])")

# Special tokens in what is encoded in one call, which no word spans: after each text, and within a run of blanks.
_SPLIT, _END = "\x00", "\x01"
_SPECIAL = {_SPLIT, _END}

BLOCK = 32_768
"""Maximum characters of a text passed to tiktoken at once: its cost is quadratic in the length of a word."""

TOGETHER = 100_000
"""Maximum characters of all texts encoded in one call. A token takes up to 40 bytes meanwhile."""

# No word continues from a visible character into a blank, so a cut here never changes a count.
_CUT = re.compile(r"\S(?= )")
# How far before the end of a block to search for a cut.
_CUT_WINDOW = 1_024

# A character takes at most four bytes in UTF-8, and a token at least one byte.
_MOST_TOKENS_PER_CHARACTER = 4


class TokenCounter:
    """Counts o200k_base tokens. Thread-safe. The tables (about 50 MB) are loaded on first use, once per process."""

    def __init__(self) -> None:
        self._encoding: tiktoken.Encoding | None = None
        self._loading = Lock()

    @property
    def is_loaded(self) -> bool:
        """Whether the tables are loaded, so that a call does not wait for them."""
        return self._encoding is not None

    def warm(self) -> None:
        """Load the tables now (about 0.4 s)."""
        self._loaded()

    def count(self, text: str) -> int:
        """The number of tokens in `text`. Names of special tokens count as plain text.

        Exact up to `BLOCK` characters, and beyond that if words are separated by blanks; a longer run without a blank
        is counted in blocks, each of which may add a token.
        """
        encode = self._loaded().encode_ordinary
        if len(text) <= BLOCK and _is_whole(text):
            return len(encode(text))
        return sum(len(encode(piece)) for piece in _pieces(text))

    def count_all(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text. Lets other threads run in between."""
        if sum(map(len, texts)) <= TOGETHER:
            return self._counts(texts)
        counts: list[int] = []
        for batch in batches(texts, most_texts=len(texts), most_characters=TOGETHER):
            checkpoint()
            counts += self._counts(batch)
        return counts

    def _counts(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text. In one call of tiktoken if possible, since each lets other threads run."""
        joined = _END.join(texts)
        if len(texts) < 2 or joined.count(_END) >= len(texts) or _SPLIT in joined or max(map(len, texts)) > BLOCK:
            return [self.count(text) for text in texts]
        is_whole = _is_whole(joined)
        if not is_whole:
            texts = [_BEFORE_LAST.sub(rf"\g<0>{_SPLIT}", text) for text in texts]
            joined = _END.join(texts)
        encoding = self._loaded()
        tokens = encoding.encode(joined, allowed_special=_SPECIAL, disallowed_special=())
        tokens.append(end := encoding.max_token_value)
        counts, start = [], 0
        for text in texts:
            stop = tokens.index(end, start)
            counts.append(stop - start - (0 if is_whole else text.count(_SPLIT)))
            start = stop + 1
        return counts

    def trim(self, text: str, budget: int) -> str:
        """The longest prefix of `text` with at most `budget` tokens; the whole text if it fits.

        It ends at a character boundary, and may be a few tokens shorter if the cut is inside a word. Empty for a budget
        of zero or less.
        """
        if budget <= 0:
            return ""
        if len(text) * _MOST_TOKENS_PER_CHARACTER <= budget:
            return text
        kept = budget
        while (beginning := self._first_tokens(text, kept)) and (excess := self.count(beginning) - budget) > 0:
            kept -= excess
        return beginning

    def _first_tokens(self, text: str, amount: int) -> str:
        """The prefix of `text` that its first `amount` tokens encode completely."""
        encoding = self._loaded()
        done = 0
        for piece in _pieces(text):
            tokens = encoding.encode_ordinary(piece)
            if len(tokens) > amount:
                # `ignore` drops the bytes of a character that the last token leaves incomplete.
                spelled = encoding.decode_bytes(tokens[: max(amount, 0)]).decode("utf-8", "ignore")
                return text[: done + len(spelled)]
            amount -= len(tokens)
            done += len(piece)
        return text

    def _loaded(self) -> tiktoken.Encoding:
        if self._encoding is None:
            with self._loading:
                if self._encoding is None:
                    self._encoding = _load()
        return self._encoding


def _is_whole(text: str) -> bool:
    """Quick check that the text has no run of blanks to split: True for most texts, and never for one that has."""
    if "  " in text or "\t" in text or "\x0b" in text or "\x0c" in text:
        return False
    return text.isascii() or not any(blank in text for blank in _RARE)


def _pieces(text: str) -> Iterator[str]:
    """`text` in pieces that can be encoded separately."""
    for block in _blocks(text):
        start = 0
        if not _is_whole(block):
            for found in _BEFORE_LAST.finditer(block):
                yield block[start : found.end()]
                start = found.end()
        yield block[start:]


def _blocks(text: str) -> Iterator[str]:
    """`text` in pieces of at most `BLOCK` characters, cut between words if possible."""
    start = 0
    while len(text) - start > BLOCK:
        end = start + BLOCK
        # Includes one character beyond the block: the blank that starts the next block.
        cuts = [found.end() for found in _CUT.finditer(text, end - _CUT_WINDOW, end + 1)]
        if cuts:
            end = cuts[-1]
        yield text[start:end]
        start = end
    yield text[start:]


@cache
def _load() -> tiktoken.Encoding:
    packed = resources.files(__package__).joinpath(RANKS_FILE).read_bytes()
    # Each line is `<token in base64> <rank>`, and line n holds rank n: counting is three times as fast as parsing.
    lines = io.BytesIO(gzip.decompress(packed))
    ranks = {a2b_base64(line.partition(b" ")[0]): rank for rank, line in enumerate(lines)}
    special = {token: len(ranks) + n for n, token in enumerate(sorted(_SPECIAL))}
    encoding = tiktoken.Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special)
    # The encoder has its own copy; this frees about 25 MB.
    ranks.clear()
    return encoding
