"""What was learned about a model while it was used, until the process ends."""

from __future__ import annotations

from dataclasses import dataclass

MOST_OUTPUT = 32_768
"""Output tokens that are asked for at most."""
MORE_OUTPUT = 4
LEAST_WITH_THOUGHTS = 2_048
"""Factor of the next output limit after thoughts used one up, and the least that is then asked for."""


@dataclass(slots=True)
class ModelTraits:
    """Shared by all tasks of one model at one endpoint."""

    takes_tools: bool = True
    output_limit: int | None = None
    """The most output tokens that the endpoint accepts; None if it has refused none."""
    output_name: str | None = None
    """The name of the output limit that the endpoint knows, if it refused the usual one."""
    window: int | None = None
    """Tokens of input and output together, if the endpoint has named them."""
    refused_settings: frozenset[str] = frozenset()
    """What the endpoint does not take: `temperature`, `effort`."""
    least_output: int = 0
    """Output tokens that the model needs, because it used up less with its thoughts."""
    input_characters: int | None = None
    """Characters of a request that the model has room for, if a longer one was refused."""
    closes_thoughts: bool | None = None
    """Whether its thoughts end with a tag but begin without one; None: not known yet."""

    def output(self, tokens: int) -> int:
        """The output limit to ask for, where `tokens` suffice for the answer itself."""
        most = MOST_OUTPUT if self.output_limit is None else self.output_limit
        return max(min(max(tokens, self.least_output), most), 1)

    def more_output(self, tokens: int) -> int | None:
        """A higher output limit after `tokens` were used up; None if there is none."""
        more = self.output(max(MORE_OUTPUT * tokens, LEAST_WITH_THOUGHTS))
        return more if more > tokens else None
