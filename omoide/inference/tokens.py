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

with lazy_import("tiktoken"):
    import tiktoken

RANKS_FILE = "data/o200k_base.tiktoken.gz"

# The pattern that splits text into words in o200k_base, as published in tiktoken (MIT, OpenAI).
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
        r"\s+(?!\S)",
        r"\s+",
    )
)

BLOCK = 32_768
"""Maximum characters of a text passed to tiktoken at once: its regular expressions overflow on a million blanks."""

TOGETHER = 100_000
"""Characters that are counted before other threads may run."""

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
        return sum(len(encode(block)) for block in _blocks(text))

    def count_all(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text. Lets other threads run in between."""
        encode = self._loaded().encode_ordinary
        counts: list[int] = []
        counted = 0
        for text in texts:
            counted += len(text)
            if counted > TOGETHER:
                counted = len(text)
                checkpoint()
            counts.append(len(encode(text)) if len(text) <= BLOCK else self.count(text))
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
        for block in _blocks(text):
            tokens = encoding.encode_ordinary(block)
            if len(tokens) > amount:
                # `ignore` drops the bytes of a character that the last token leaves incomplete.
                spelled = encoding.decode_bytes(tokens[: max(amount, 0)]).decode("utf-8", "ignore")
                return text[: done + len(spelled)]
            amount -= len(tokens)
            done += len(block)
        return text

    def _loaded(self) -> tiktoken.Encoding:
        if self._encoding is None:
            with self._loading:
                if self._encoding is None:
                    self._encoding = _load()
        return self._encoding


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
    encoding = tiktoken.Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    # The encoder has its own copy; this frees about 25 MB.
    ranks.clear()
    return encoding
