"""Split texts into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches(texts: Sequence[str], *, most_texts: int, most_characters: int) -> Iterator[list[str]]:
    """`texts` in order, in batches of at most `most_texts` texts and `most_characters` characters.

    A longer text gets a batch of its own. No batch is empty.
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
