"""The number that texts share when they say the same but for case and blanks around: to find them by an index."""

from __future__ import annotations

import hashlib


def same(text: str) -> int:
    """64 bits, signed as SQLite keeps integers. Different texts have different numbers, as far as anybody will see."""
    digest = hashlib.blake2b(text.strip().lower().encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
