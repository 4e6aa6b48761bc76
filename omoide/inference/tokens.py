"""Count text in o200k_base tokens, and cut it to a budget.

The ranks travel with the package (`data/o200k_base.tiktoken.gz`), because tiktoken itself would download them.
A count is a measure for budgets, the same one whichever model reads the text later. What a budget is for, and how
it is shared out, does not belong here.
"""

from __future__ import annotations

import gzip
import io
import re
from binascii import a2b_base64
from collections.abc import Iterator
from importlib import resources
from threading import Lock

from omoide.deferred import deferred

with deferred("tiktoken"):
    import tiktoken

RANKS_FILE = "data/o200k_base.tiktoken.gz"

# The pattern that o200k_base cuts text into words with, as published in tiktoken (MIT, OpenAI).
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

# The most characters that tiktoken sees at once. Its pattern engine keeps one backtracking step per character of a
# run of blanks and panics (an exception outside `Exception`) when a run reaches some hundred thousand.
BLOCK = 32_768

# No word of the pattern goes from a visible character on into a blank, so a cut here never changes a count.
_CUT = re.compile(r"\S(?= )")
# How far before the end of a block a cut is looked for.
_CUT_WINDOW = 1_024

# A character takes at most four bytes in UTF-8, and a token at least one byte.
_MOST_TOKENS_PER_CHARACTER = 4


class TokenCounter:
    """Counts o200k_base tokens. One counter serves all threads; its tables (about 50 MB) load on first use, once."""

    def __init__(self) -> None:
        self._encoding: tiktoken.Encoding | None = None
        self._loading = Lock()

    @property
    def is_loaded(self) -> bool:
        """Whether the tables are there, so that a call will not wait for them."""
        return self._encoding is not None

    def warm(self) -> None:
        """Loads the tables now (some 0.4 s), so that no later call waits for them."""
        self._loaded()

    def count(self, text: str) -> int:
        """The number of tokens in `text`. The names of special tokens count as the plain text that they are.

        Exact up to `BLOCK` characters, and beyond wherever words are parted by blanks; a longer stretch without
        one is counted in blocks and may come out a token more per block.
        """
        encoding = self._loaded()
        if len(text) <= BLOCK:
            return len(encoding.encode_ordinary(text))
        return sum(len(encoding.encode_ordinary(block)) for block in _blocks(text))

    def trim(self, text: str, budget: int) -> str:
        """The beginning of `text` that counts at most `budget` tokens; the whole text if it fits.

        It ends on a whole character and is the longest such beginning, give or take the few tokens that a cut
        inside a word may cost. A budget of zero or less gives the empty text.
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
        """As much of `text` as its first `amount` tokens spell in full; `text` itself if it has no more."""
        encoding = self._loaded()
        done = 0
        for block in _blocks(text):
            tokens = encoding.encode_ordinary(block)
            if len(tokens) > amount:
                # `ignore` drops the bytes of a character that the last token only begins.
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
    """`text` in pieces of at most `BLOCK` characters, cut between words where there are any."""
    start = 0
    while len(text) - start > BLOCK:
        end = start + BLOCK
        # One character beyond the block may be looked at: the blank that the next block begins with.
        cuts = [found.end() for found in _CUT.finditer(text, end - _CUT_WINDOW, end + 1)]
        if cuts:
            end = cuts[-1]
        yield text[start:end]
        start = end
    yield text[start:]


def _load() -> tiktoken.Encoding:
    packed = resources.files(__package__).joinpath(RANKS_FILE).read_bytes()
    # Each line is `<token in base64> <rank>`, and line n holds rank n: counting is three times as fast as parsing.
    lines = io.BytesIO(gzip.decompress(packed))
    ranks = {a2b_base64(line.partition(b" ")[0]): rank for rank, line in enumerate(lines)}
    encoding = tiktoken.Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    # The encoder has its own copy by now and never looks at ours again: this gives some 25 MB back.
    ranks.clear()
    return encoding
