"""Tools that a model may call, with the names of the public API, and the execution of calls.

`MemoryView` adds the reach to every query; no argument names a peer or a session. Every call returns a text, errors
included.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import ToolDefinition

from omoide.core import clock
from omoide.core.errors import OmoideError
from omoide.core.records import Conclusion, Json
from omoide.reasoner.agentic.formatting import (
    MOST_OF_RESULT,
    conclusion_lines,
    messages_result,
    snippets_result,
    truncate,
)
from omoide.reasoner.agentic.prompt_templates import neutral
from omoide.reasoner.agentic.short_names import ShortNames
from omoide.reasoner.dates_said import SaidBetween
from omoide.reasoner.evidence import Snippet
from omoide.reasoner.memory_view import (
    GREP_DEFAULT,
    GREP_MOST,
    MEMORY_DEFAULT,
    MEMORY_MOST,
    MESSAGES_DEFAULT,
    MESSAGES_MOST,
    NEIGHBOURS,
    QUERIES_MOST,
    RECENT_DEFAULT,
    RECENT_MOST,
    MemoryView,
)

logger = logging.getLogger("omoide.reasoner")

ERROR = "ERROR: "
"""Prefix of every error text."""
NOTHING = "Nothing was found."
REFUSED = "Refused "
"""Begins the line about an item of a call that was not taken."""
MOST_NAMED = 300
"""Maximum characters of model input quoted in an error."""


class Arguments(BaseModel):
    """Base class of tool arguments. Unknown arguments are ignored, and null means the default."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, given: Any) -> Any:
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    name: str
    purpose: str
    arguments: type[A]
    run: Callable[[A], Awaitable[str]]
    is_last: bool = False
    """Whether the model says by calling it that nothing more is to be done."""

    @property
    def definition(self) -> ToolDefinition:
        return ToolDefinition(
            name=self.name,
            parameters_json_schema=schema_of(self.arguments),
            description=self.purpose,
        )

    async def use(self, given: Json) -> str:
        """Validate the arguments and return the result. Raises ValueError for invalid arguments."""
        return await self.run(self.arguments.model_validate(given))


class Toolbox:
    """The tools of one conversation."""

    def __init__(self, tools: Sequence[Tool[Any]], names: ShortNames) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._names = names

    @property
    def definitions(self) -> list[ToolDefinition]:
        return [tool.definition for tool in self._tools.values()]

    def is_last(self, name: str) -> bool:
        tool = self._tools.get(name)
        return tool is not None and tool.is_last

    async def use(self, call: ToolCallPart) -> str:
        """Return the result or error text, at most `MOST_OF_RESULT` characters. Never raises."""
        tool = self._tools.get(call.tool_name)
        if tool is None:
            return f"{ERROR}there is no tool {_named(call.tool_name)}. There are: {', '.join(self._tools)}."
        try:
            result = await tool.use(self._names.resolved(call.args_as_dict(raise_if_invalid=True)))
        except ValidationError as error:
            return f"{ERROR}bad arguments: {_faults(error)}"
        except OmoideError as error:
            return f"{ERROR}{_named(error.detail)}"
        except (ValueError, OverflowError, AssertionError) as error:
            return f"{ERROR}bad arguments: {_named(str(error))}"
        except Exception:
            logger.exception("the tool %s failed", tool.name)
            return f"{ERROR}the tool failed; go on without it."
        return truncate(self._names.shortened(result), MOST_OF_RESULT) or NOTHING


class Interval(Arguments):
    after_date: str = Field("", description="From this ISO 8601 date on, as 2024-05-01.")
    before_date: str = Field("", description="Until this date, which does not count.")


class Search(Interval):
    queries: list[str] = Field(
        min_length=1,
        description=f"What to look for, in plain words: up to {QUERIES_MOST} wordings or sides of the matter at once.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_query_is_a_list(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        queries = given.get("queries", given.get("query"))
        return {**given, "queries": [queries] if isinstance(queries, str) else queries}


class SearchMessages(Search):
    limit: int = Field(MESSAGES_DEFAULT, description=f"How many messages, at most {MESSAGES_MOST}.")


class SearchMemory(Search):
    top_k: int = Field(MEMORY_DEFAULT, description=f"How many conclusions, at most {MEMORY_MOST}.")
    include_ended: bool = Field(False, description="Also what was true earlier and no longer is.")


class GrepMessages(Arguments):
    text: str = Field(description="A word, name, number or phrase, as it was written.")
    limit: int = Field(GREP_DEFAULT, description=f"How many messages, at most {GREP_MOST}.")
    context_window: int = Field(NEIGHBOURS, description=f"How many messages around each, at most {NEIGHBOURS}.")


class DateRange(Interval):
    limit: int = Field(MESSAGES_MOST, description=f"How many messages, at most {MESSAGES_MOST}.")
    order: Literal["asc", "desc"] = Field("desc", description="asc: oldest first; desc: newest first.")
    past_id: str = Field("", description="To go on: the id of the last message that you were given.")


class ObservationContext(Arguments):
    message_ids: list[str] = Field(description="Ids of messages, or of conclusions, as other tools give them.")


class ReasoningChain(Arguments):
    observation_id: str = Field(description="The id of a conclusion, as other tools give it.")
    direction: Literal["premises", "conclusions", "both"] = Field(
        "both", description="What it rests on, what rests on it, or both."
    )


class RecentObservations(Arguments):
    limit: int = Field(RECENT_DEFAULT, description=f"How many conclusions, at most {RECENT_MOST}.")


class ReadingTools:
    """Tools for the methods of a `MemoryView`. `names` are those of all that is shown in the conversation."""

    def __init__(self, memory: MemoryView, is_hidden: Callable[[str], bool] = lambda _: False) -> None:
        """`is_hidden` says of the id of a conclusion whether it is left out of results."""
        self.memory = memory
        self.names = ShortNames()
        self._is_hidden = is_hidden
        self.repeats = False
        """Whether conclusions are shown again, because what was shown before may have been left out of the prompt."""
        self._shown: set[str] = set()

    def minimal(self) -> list[Tool[Any]]:
        """Return the two search tools."""
        return [
            Tool(
                "search_memory",
                "Conclusions that are nearest in meaning, with their ids; messages where there are none.",
                SearchMemory,
                self._search_memory,
            ),
            Tool(
                "search_messages",
                "Messages that fit in meaning or in words, each marked with *, with those around them.",
                SearchMessages,
                self._search_messages,
            ),
        ]

    def all(self) -> list[Tool[Any]]:
        """Return the tools for questions. Chains mix sessions, so they are excluded if the reach is restricted."""
        chain = [] if self.memory.reach.sessions is not None else [self.reasoning_chain()]
        return [
            *self.minimal(),
            Tool(
                "grep_messages",
                "The newest messages that hold a text exactly as given, in any case; whole words if there are any.",
                GrepMessages,
                self._grep_messages,
            ),
            Tool(
                "get_messages_by_date_range",
                "Messages said in an interval.",
                DateRange,
                self._get_messages_by_date_range,
            ),
            Tool(
                "get_observation_context",
                "The messages of these ids, or behind these conclusions, with those right before and after them.",
                ObservationContext,
                self._get_observation_context,
            ),
            *chain,
        ]

    def reasoning_chain(self) -> Tool[Any]:
        return Tool(
            "get_reasoning_chain",
            "A conclusion, what it was drawn from and what was drawn from it.",
            ReasoningChain,
            self._get_reasoning_chain,
        )

    def recent_observations(self) -> Tool[Any]:
        return Tool(
            "get_recent_observations", "The newest conclusions.", RecentObservations, self._get_recent_observations
        )

    def begin(self) -> None:
        """Begin a prompt, in which nothing is shown yet."""
        self._shown = set()

    def shown(self, conclusions: Sequence[Conclusion]) -> str:
        """Format conclusions; of those that were shown before in the conversation only the names, unless `repeats`."""
        reach = self.memory.reach
        visible = [each for each in conclusions if not self._is_hidden(each.id)]
        again = [each for each in visible if each.id in self._shown and not self.repeats]
        new = [each for each in visible if each not in again]
        lines = conclusion_lines(new, self.names, with_pair=reach.observer_id is None or reach.observed_id is None)
        if len(lines) <= MOST_OF_RESULT:
            self._shown.update(each.id for each in new)
        known = f"Shown before: {', '.join(self.names.conclusion(each.id) for each in again)}." if again else ""
        return "\n".join(text for text in (lines, known) if text)

    def _snippets(self, snippets: Sequence[Snippet]) -> str:
        return snippets_result(snippets, self.names)

    async def _search_memory(self, given: SearchMemory) -> str:
        after, before = instant(given.after_date), instant(given.before_date)
        said = SaidBetween(after, before, include_ended=given.include_ended)
        query = _one_or_more(given.queries)
        if conclusions := await self.memory.search_memory(query, given.top_k, said=said, is_reranked=True):
            return self.shown(conclusions)
        messages = await self.memory.search_messages(query, after=after, before=before)
        return f"There are no conclusions. Messages:\n{self._snippets(messages)}" if messages else ""

    async def _search_messages(self, given: SearchMessages) -> str:
        after, before = instant(given.after_date), instant(given.before_date)
        query = _one_or_more(given.queries)
        return self._snippets(await self.memory.search_messages(query, given.limit, after=after, before=before))

    async def _grep_messages(self, given: GrepMessages) -> str:
        limit, window = given.limit, given.context_window
        return self._snippets(await self.memory.grep_messages(given.text, limit, window, words_first=True))

    async def _get_messages_by_date_range(self, given: DateRange) -> str:
        interval, past = (instant(given.after_date), instant(given.before_date)), given.past_id.strip() or None
        most = min(given.limit, MESSAGES_MOST)
        found = await self.memory.get_messages_by_date_range(*interval, given.limit, given.order, past)
        more = "\nThere may be more: go on with `past_id`." if len(found) >= most else ""
        return messages_result(found, self.names) + more

    async def _get_observation_context(self, given: ObservationContext) -> str:
        return self._snippets(await self.memory.get_observation_context(given.message_ids))

    async def _get_reasoning_chain(self, given: ReasoningChain) -> str:
        return self.shown(await self.memory.get_reasoning_chain(given.observation_id, given.direction))

    async def _get_recent_observations(self, given: RecentObservations) -> str:
        return self.shown(await self.memory.get_recent_observations(given.limit))


def _one_or_more(queries: Sequence[str]) -> str | Sequence[str]:
    return queries[0] if len(queries) == 1 else queries


def instant(text: str) -> int | None:
    """Parse an ISO 8601 date or time, UTC by default, to microseconds since 1970; None if empty. Raises ValueError."""
    if not text.strip():
        return None
    try:
        return clock.valid(clock.to_micros(datetime.fromisoformat(text.strip())))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:50]!r} is not in ISO 8601, as 2024-05-01 and 2024-05-01T18:30:00Z are") from error


def bare_id(id: str) -> str:
    """Strip brackets and an `id:` prefix that a model may put around an id."""
    return id.strip().strip("[]").removeprefix("id:").strip()


def _named(text: str) -> str:
    return neutral(truncate(" ".join(text.split()), MOST_NAMED))


def read_item(kind: type[A], given: Any) -> A | str:
    """Return an item of a call's list, or why it cannot be read: it does not spoil the others."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        return _faults(error)


def _faults(error: ValidationError) -> str:
    faults = (f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()[:5])
    return _named("; ".join(faults))


@functools.cache
def schema_of(arguments: type[Arguments]) -> Json:
    """Return the JSON schema of arguments. Cached: generating it takes most of the time before a model request."""
    schema: Json = _untitled(arguments.model_json_schema())
    schema.pop("description", None)
    return schema


def _untitled(schema: Any) -> Any:
    """Remove titles, which only repeat the names."""
    if isinstance(schema, dict):
        return {key: _untitled(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    return [_untitled(each) for each in schema] if isinstance(schema, list) else schema
