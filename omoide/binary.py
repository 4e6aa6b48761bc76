"""Tell binary data from text by its control characters, block by block, without decoding it. Pure.

Random or compressed data has 7 % of the control characters counted here, text of any language next to none. So a few
blocks are enough to refuse a large file, and binary data is found after a head of text, too.
"""

from __future__ import annotations

BLOCK = 65_536
"""Bytes or characters that are judged together."""

MOST_SHARE = 0.02
"""Of a block, which may be such characters."""

MOST_OF_A_SHORT_BLOCK = 8
"""So many are allowed in any block, however short."""

_CONTROLS = bytes([0x00, *range(0x02, 0x08), *range(0x10, 0x1A), 0x7F])
"""The C0 control characters that texts have no use for. Not counted are blanks, backspace (overstriking), SO, SI and
ESC (ISO 2022, colours), SUB (the end of a DOS file), and what separates fields: SOH and 0x1C to 0x1F."""


def is_binary(data: bytes) -> bool:
    """Whether this is not text in any encoding that contains ASCII, multi-byte ones included."""
    blocks = (data[start : start + BLOCK] for start in range(0, len(data), BLOCK))
    return any(_exceeds(_controls(block), len(block), MOST_SHARE) for block in blocks)


def is_garbled(block: str, most_replaced: float) -> bool:
    """Whether a decoded block has too many control characters, or too large a share of U+FFFD in place of errors."""
    controls = _controls(block.encode())
    return _exceeds(controls, len(block), MOST_SHARE) or _exceeds(block.count("\ufffd"), len(block), most_replaced)


def _controls(block: bytes) -> int:
    return len(block) - len(block.translate(None, _CONTROLS))


def _exceeds(count: int, size: int, share: float) -> bool:
    return count > max(MOST_OF_A_SHORT_BLOCK, share * size)
