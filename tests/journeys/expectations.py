"""Expectations of a story: each reads one resource and checks the result against its claims."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from honcho.api_types import ConclusionLevel, ConclusionResponse, Evidence
from pydantic import Field

from tests.journeys.matching import Absent, Entries, Matching, Text, hold_entries, hold_text
from tests.journeys.server_fixture import Stage


class TimedRead(Matching):
    """A read about another time: `as_of` is an instant or the name of a mark."""

    as_of: str | None = None
    valid_at: str | None = None

    def moment(self, stage: Stage) -> dict[str, Any]:
        """The fields of the body; empty if the read is about now."""
        as_of = stage.marks.get(self.as_of, self.as_of) if self.as_of else None
        given = {"as_of": as_of, "valid_at": self.valid_at}
        return {name: instant for name, instant in given.items() if instant is not None}


class Conclusions(Entries, TimedRead):
    """Contents of the conclusions of `observer` about `about` (default: itself); with `search` the nearest ones.

    Only current ones unless a `status` is given. `times_derived` and `sources` map parts of contents to the number of
    derivations and of source conclusions.
    """

    claims = Entries.claims | {"times_derived", "sources"}

    observer: str
    about: str | None = None
    session: str | None = None
    level: ConclusionLevel | None = None
    search: str | None = None
    status: Literal["current", "superseded", "invalid", "merged"] | None = None
    times_derived: dict[str, int] = Field(default_factory=dict)
    sources: dict[str, int] = Field(default_factory=dict)

    def check(self, stage: Stage) -> None:
        conclusions = self._found(stage)
        self.hold_entries([each.content for each in conclusions])
        for part, times in self.times_derived.items():
            assert [each.times_derived for each in conclusions if part in each.content] == [times]
        for part, count in self.sources.items():
            assert [len(each.source_ids or ()) for each in conclusions if part in each.content] == [count]

    def _found(self, stage: Stage) -> Sequence[Any]:
        view = stage.peer(self.observer).conclusions_of(self.about or self.observer)
        filters = {"level": self.level} if self.level else None
        if self.status or self.moment(stage):
            return self._at_moment(stage)
        if self.search is not None:
            return [*view.query(self.search, filters=filters)]
        return [*view.list(size=100, session=self.session, filters=filters)]

    def _at_moment(self, stage: Stage) -> Sequence[Any]:
        given = {"level": self.level, "status": self.status, "session_id": self.session}
        filters = {"observer_id": self.observer, "observed_id": self.about or self.observer}
        filters |= {name: value for name, value in given.items() if value is not None}
        body = {"filters": filters, **self.moment(stage)}
        if self.search is not None:
            found = stage.post("conclusions/query", {**body, "query": self.search})
        else:
            found = stage.post("conclusions/list?size=100", body)["items"]
        return [ConclusionResponse.model_validate(each) for each in found]


class Representation(Text, TimedRead):
    observer: str
    about: str | None = None
    session: str | None = None
    sessions: list[str] | None = None
    scope: str | list[str] | None = None
    search: str | None = None
    search_top_k: int | None = None
    max_conclusions: int | None = None

    def check(self, stage: Stage) -> None:
        if moment := self.moment(stage):
            scope = self.scope or self.sessions
            assert not scope, "a representation of another time has neither scope nor sessions here"
            body = {"target": self.about, "session_id": self.session, "search_query": self.search, **moment}
            body |= {"search_top_k": self.search_top_k, "max_conclusions": self.max_conclusions}
            self.hold_text(stage.post(f"peers/{self.observer}/representation", body)["representation"])
            return
        text = stage.peer(self.observer).representation(
            session=self.session,
            target=self.about,
            search_query=self.search,
            search_top_k=self.search_top_k,
            max_conclusions=self.max_conclusions,
            scope=self.scope,
            sessions=self.sessions,
        )
        self.hold_text(text)


class Card(Matching):
    claims = frozenset({"lines"})

    observer: str
    about: str | None = None
    lines: Entries | Absent

    def check(self, stage: Stage) -> None:
        hold_entries(self.lines, stage.peer(self.observer).get_card(target=self.about))


class SummaryText(Text):
    """`through` is the text of the last message that it covers, `most_tokens` the maximum token count."""

    claims = Text.claims | {"through", "most_tokens"}

    through: str | None = None
    most_tokens: int | None = None


class Summaries(Matching):
    claims = frozenset({"short", "long"})

    session: str
    short: SummaryText | Absent | None = None
    long: SummaryText | Absent | None = None

    def check(self, stage: Stage) -> None:
        summaries = stage.session(self.session).summaries()
        for expected, summary in ((self.short, summaries.short_summary), (self.long, summaries.long_summary)):
            hold_text(expected, summary and summary.content)
            if isinstance(expected, SummaryText):
                assert summary is not None, "there is no summary"
                if expected.through is not None:
                    assert stage.session(self.session).get_message(summary.message_id).content == expected.through
                if expected.most_tokens is not None:
                    assert 0 < summary.token_count <= expected.most_tokens


class SessionContextRead(Matching):
    claims = frozenset({"messages", "summary", "representation", "card"})

    session: str
    tokens: int | None = None
    with_summary: bool = True
    target: str | None = None
    perspective: str | None = None
    limit_to_session: bool = False
    sessions: list[str] | None = None
    scope: str | None = None
    search: str | None = None
    messages: Entries | None = None
    summary: Text | Absent | None = None
    representation: Text | Absent | None = None
    card: Entries | Absent | None = None

    def check(self, stage: Stage) -> None:
        context = stage.session(self.session).context(
            summary=self.with_summary,
            tokens=self.tokens,
            peer_target=self.target,
            peer_perspective=self.perspective,
            search_query=self.search,
            scope=self.scope,
            sessions=self.sessions,
            limit_to_session=self.limit_to_session,
        )
        hold_entries(self.messages, [message.content for message in context.messages])
        hold_text(self.summary, context.summary and context.summary.content)
        hold_text(self.representation, context.peer_representation)
        hold_entries(self.card, context.peer_card)


class PeerContextRead(Matching):
    claims = frozenset({"representation", "card"})

    observer: str
    about: str | None = None
    search: str | None = None
    representation: Text | Absent | None = None
    card: Entries | Absent | None = None

    def check(self, stage: Stage) -> None:
        context = stage.peer(self.observer).context(target=self.about, search_query=self.search)
        hold_text(self.representation, context.representation)
        hold_entries(self.card, context.peer_card)


class Read(Matching):
    """Evidence of an answer: contents of conclusions, messages as `session/peer`, and names of tools."""

    claims = frozenset({"conclusions", "messages", "tools"})

    conclusions: Entries | None = None
    messages: Entries | None = None
    tools: Entries | None = None

    def hold(self, evidence: Evidence) -> None:
        hold_entries(self.conclusions, [each.content for each in evidence.conclusions])
        hold_entries(self.messages, [f"{each.session_id}/{each.peer_id}" for each in evidence.messages])
        hold_entries(self.tools, [each.tool_name for each in evidence.tool_calls])


class Chat(Text, TimedRead):
    """Answer to `ask` of a peer, or of the workspace without `peer`. `fields` are properties of the JSON answer for
    `response_format`; the answer is also checked against the claims of a text."""

    claims = Text.claims | {"fields", "evidence", "absent"}

    ask: str
    peer: str | None = None
    about: str | None = None
    session: str | None = None
    sessions: list[str] | None = None
    scope: str | list[str] | None = None
    level: Literal["minimal", "low", "medium", "high", "max"] | None = None
    stream: bool = False
    response_format: dict[str, Any] | None = None
    fields: dict[str, Any] = Field(default_factory=dict)
    evidence: Read | None = None
    absent: bool = False
    """Expect no answer."""

    def check(self, stage: Stage) -> None:
        if moment := self.moment(stage):
            answer, evidence = self._at_moment(stage, moment)
        else:
            answer, evidence = self._streamed(stage) if self.stream else self._answered(stage)
        if self.evidence is not None:
            assert evidence is not None, "there is no evidence"
            self.evidence.hold(evidence)
        if self.absent:
            assert not answer, f"expected no answer, got {answer!r}"
            return
        assert answer, "there is no answer"
        self.hold_text(answer)
        if self.fields:
            fields = json.loads(answer)
            assert {key: fields.get(key) for key in self.fields} == self.fields

    def _answered(self, stage: Stage) -> tuple[str | None, Evidence | None]:
        response = self._asked(stage, "chat")
        return (response.content, response.evidence) if self.evidence else (response, None)

    def _streamed(self, stage: Stage) -> tuple[str, Evidence | None]:
        stream = self._asked(stage, "chat_stream")
        return "".join(stream), stream.evidence

    def _at_moment(self, stage: Stage, moment: dict[str, Any]) -> tuple[str | None, Evidence | None]:
        body = {"query": self.ask, "session_id": self.session, "scope": self.scope, "target": self.about, **moment}
        body |= {"reasoning_level": self.level, "response_format": self.response_format, "include_evidence": True}
        found = stage.post(f"peers/{self.peer}/chat" if self.peer else "chat", body)
        return found["content"], Evidence.model_validate(found["evidence"])

    def _asked(self, stage: Stage, method: str) -> Any:
        options: dict[str, Any] = {
            "session": self.session,
            "scope": self.scope,
            "reasoning_level": self.level,
            "response_format": self.response_format,
            "include_evidence": self.evidence is not None,
        }
        if self.peer is None:
            return getattr(stage.honcho, method)(self.ask, **options)
        options |= {"target": self.about, "sessions": self.sessions}
        return getattr(stage.peer(self.peer), method)(self.ask, **options)


class Queue(Matching):
    """Counts of the queue status. `sessions` maps sessions to completed work units."""

    claims = frozenset({"completed", "pending", "in_progress", "sessions"})

    session: str | None = None
    observer: str | None = None
    sender: str | None = None
    completed: int | None = None
    pending: int | None = None
    in_progress: int | None = None
    sessions: dict[str, int] | None = None

    def check(self, stage: Stage) -> None:
        status = stage.honcho.queue_status(observer=self.observer, sender=self.sender, session=self.session)
        counted = {
            "completed": status.completed_work_units,
            "pending": status.pending_work_units,
            "in_progress": status.in_progress_work_units,
        }
        assert {name: counted[name] for name in counted if name in self.model_fields_set} == {
            name: getattr(self, name) for name in counted if name in self.model_fields_set
        }
        if self.sessions is not None:
            assert {id: each.completed_work_units for id, each in (status.sessions or {}).items()} == self.sessions


class SearchRead(Entries):
    """Messages that match `search`, in a session, by a peer, or anywhere; `best` is a part of the first."""

    claims = Entries.claims | {"best"}

    search: str
    session: str | None = None
    peer: str | None = None
    scope: str | None = None
    best: str | None = None

    def check(self, stage: Stage) -> None:
        if self.session is not None:
            messages = stage.session(self.session).search(self.search)
        elif self.peer is not None:
            messages = stage.peer(self.peer).search(self.search)
        else:
            messages = stage.honcho.search(self.search, scope=self.scope)
        contents = [message.content for message in messages]
        self.hold_entries(contents)
        if self.best is not None:
            assert self.best in "".join(contents[:1]), contents


class ScopeStatus(Matching):
    """Number of conclusions copied for each session of a scope."""

    claims = frozenset({"copied"})

    name: str
    copied: dict[str, int]

    def check(self, stage: Stage) -> None:
        jobs = stage.honcho.get_scope(self.name).status()
        assert {id: (job.state, job.docs_copied) for id, job in jobs.items()} == {
            id: ("completed", count) for id, count in self.copied.items()
        }


EXPECTATIONS: dict[str, type[Any]] = {
    "conclusions": Conclusions,
    "representation": Representation,
    "card": Card,
    "summaries": Summaries,
    "context": SessionContextRead,
    "peer_context": PeerContextRead,
    "chat": Chat,
    "queue": Queue,
    "search": SearchRead,
    "scope": ScopeStatus,
}
