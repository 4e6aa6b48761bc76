"""Ask again with less where a model's context, or its endpoint's tools, do not allow what was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from omoide.inference.model_registry import ContextExceeded, ModelTraits
from omoide.reasoner.agentic.tool_loop import ToolLoopResult

T = TypeVar("T")

MOST_SHORTENED = 4
"""How often a request that is too long is made shorter."""
LESS, LESS_THAN_NAMED = 0.5, 0.85
"""Share of a refused request that is sent instead, or of the share for which the provider said it has room."""
LEAST_FOR_TOOLS = 10_000
"""Characters that a request needs at least, so that tools can be of use in it."""


class AnswerRoom:
    """How much room there is for an answer's requests. What fits is remembered in the model's traits."""

    def __init__(self, traits: ModelTraits, name: str) -> None:
        self.last_size = 0
        """Characters of the last request."""
        self._traits = traits
        self._name = name

    @property
    def is_for_tools(self) -> bool:
        most = self._traits.input_characters
        return self._traits.takes_tools and (most is None or most >= LEAST_FOR_TOOLS)

    def is_exceeded(self, size: int) -> bool:
        most = self._traits.input_characters
        return most is not None and size > most

    async def shortened(
        self,
        work: Callable[[int | None], Awaitable[T]],
        before: ToolLoopResult,
        is_final: Callable[[], bool],
        least: int = 0,
    ) -> T:
        """Run `work` with a number of characters that its request may have, and with less while that is too many.

        `before` may have been too long already. Nothing is run again once `is_final` says so. Raises ContextExceeded.
        """
        traits = self._traits
        if before.excess is not None:
            traits.input_characters = _less(before.size, before.excess)
        for _ in range(MOST_SHORTENED):
            try:
                if traits.input_characters is not None and traits.input_characters < least:
                    break
                return await work(traits.input_characters)
            except ContextExceeded as excess:
                if is_final():
                    raise
                traits.input_characters = _less(self.last_size, excess)
        if least:
            raise ContextExceeded(f"The tools exceed the context window of {self._name}.")
        return await work(traits.input_characters)


def _less(size: int, excess: ContextExceeded) -> int:
    """Return how many characters to send after a request of `size` characters was too long."""
    return int(size * (LESS if excess.share is None else excess.share * LESS_THAN_NAMED))
