"""Caches of what was computed from texts are bounded in number and in size."""

from __future__ import annotations

import pytest

from omoide.core import text_cache


@pytest.mark.parametrize(
    ("length", "times"), [(1, 1), (text_cache.LONGEST_KEPT, 1), (text_cache.LONGEST_KEPT + 1, 2), (100_000, 2)]
)
def test_only_what_was_computed_from_short_texts_is_kept(length: int, times: int) -> None:
    computed = []

    @text_cache.text_cache(maxsize=9)
    def measured(text: str, more: str) -> int:
        computed.append(text)
        return len(text + more)

    assert [measured("x" * length, "y") for _ in range(2)] == [length + 1] * 2
    assert len(computed) == times
