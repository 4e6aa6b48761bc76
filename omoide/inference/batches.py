"""Groups of texts that are small enough to be worked on, or sent, in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches(texts: Sequence[str], *, most_texts: int, most_characters: int) -> Iterator[list[str]]:
    """`texts` in order, in groups of at most `most_texts` and, together, `most_characters`.

    A text that is over the limit of characters by itself stands alone. No group is empty.
    """
    batch: list[str] = []
    characters = 0
    for text in texts:
        if batch and (len(batch) == most_texts or characters + len(text) > most_characters):
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += len(text)
    if batch:
        yield batch
