"""A content hash that ignores case and surrounding whitespace, for finding equal texts by an index."""

from __future__ import annotations

import hashlib


def content_hash(text: str) -> int:
    """64-bit hash of the normalised text, signed as SQLite stores integers. Collisions are negligible."""
    digest = hashlib.blake2b(text.strip().lower().encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
