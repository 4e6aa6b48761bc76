"""Steps of a story, each with a method `play`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol, Self

from honcho.api_types import PeerConfig, SessionConfiguration, SessionPeerConfig, WorkspaceConfiguration
from pydantic import Field, model_validator

from tests.handlers.workspace import until
from tests.journeys.matching import Strict
from tests.journeys.server_fixture import Members, Stage

Configuration = dict[str, Any]


class StoryStep(Protocol):
    def play(self, stage: Stage) -> None:
        """Run the step. Raises AssertionError if an expectation fails."""


class Said(Strict):
    """A message; in a story `{alice: "I live in Lisbon.", at: "2026-03-02T09:00:00Z", reasoning: false}`."""

    peer: str
    text: str
    at: str | None = None
    reasoning: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_peer(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        peers = [key for key in data if key not in ("at", "reasoning")]
        if len(peers) != 1:
            raise ValueError("a message must have exactly one peer")
        return {key: data[key] for key in data if key not in peers} | {"peer": peers[0], "text": data[peers[0]]}


class Say(Strict):
    """Add messages by session, with one call per session."""

    messages: dict[str, list[Said]]

    @model_validator(mode="before")
    @classmethod
    def _by_session(cls, data: Any) -> Any:
        return {"messages": data}

    def play(self, stage: Stage) -> None:
        for session, messages in self.messages.items():
            stage.session(session).add_messages(
                [
                    stage.peer(said.peer).message(
                        said.text,
                        created_at=said.at,
                        configuration=None if said.reasoning is None else {"reasoning": {"enabled": said.reasoning}},
                    )
                    for said in messages
                ]
            )


class Talk(Strict):
    """Add `messages` messages of alternating speakers; `{n}` in the text is the message's number, from `first` on."""

    session: str
    speakers: list[str] = Field(min_length=1)
    messages: int = Field(ge=1, le=100)
    text: str
    first: int = 1

    def play(self, stage: Stage) -> None:
        stage.session(self.session).add_messages(
            [
                stage.peer(self.speakers[n % len(self.speakers)]).message(self.text.format(n=self.first + n))
                for n in range(self.messages)
            ]
        )


class WaitStep(Strict):
    """Wait until the queue status reports nothing pending or in progress."""

    def play(self, stage: Stage) -> None:
        stage.wait()


class Mark(Strict):
    """Give the present instant a name; in a story `mark: name`."""

    name: str

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, data: Any) -> Any:
        return {"name": data}

    def play(self, stage: Stage) -> None:
        stage.marks[self.name] = datetime.now(UTC).isoformat()


class Join(Strict):
    """Add peers with their session flags: `{observe_me: …, observe_others: …}`, or null."""

    session: str
    peers: Members

    def play(self, stage: Stage) -> None:
        stage.session(self.session).add_peers(members(self.peers))


class Leave(Strict):
    session: str
    peers: list[str]

    def play(self, stage: Stage) -> None:
        stage.session(self.session).remove_peers([*self.peers])


class Configure(Strict):
    workspace: Configuration | None = None
    sessions: dict[str, Configuration] = Field(default_factory=dict)
    peers: dict[str, Configuration] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("changes nothing")
        return self

    def play(self, stage: Stage) -> None:
        if self.workspace is not None:
            stage.honcho.set_configuration(WorkspaceConfiguration.model_validate(self.workspace))
        for session, configuration in self.sessions.items():
            stage.session(session).set_configuration(SessionConfiguration.model_validate(configuration))
        for peer, configuration in self.peers.items():
            stage.peer(peer).set_configuration(PeerConfig.model_validate(configuration))


class Dream(Strict):
    observer: str
    about: str | None = None
    session: str | None = None

    def play(self, stage: Stage) -> None:
        stage.honcho.schedule_dream(self.observer, session=self.session, observed=self.about)
        stage.wait()


class RefreshCard(Strict):
    """Schedule a dream that only updates the card. The SDK has no method for it."""

    observer: str
    about: str | None = None
    rebuild: bool = False

    def play(self, stage: Stage) -> None:
        body = {"observer": self.observer, "dream_type": "card_refresh", "rebuild": self.rebuild}
        about = {"observed": self.about} if self.about else {}
        response = stage.http.post(f"{stage.url}/schedule_dream", json=body | about)
        assert response.status_code == 204, response.text
        stage.wait()


class WriteCard(Strict):
    observer: str
    lines: list[str]
    about: str | None = None

    def play(self, stage: Stage) -> None:
        stage.peer(self.observer).set_card(self.lines, target=self.about)


class ScopeStep(Strict):
    """Get or create a scope, and add and remove sessions."""

    name: str
    add: list[str] = Field(default_factory=list)
    remove: list[str] = Field(default_factory=list)

    def play(self, stage: Stage) -> None:
        scope = stage.honcho.scope(self.name)
        if self.add:
            scope.add_sessions(self.add)
        for session in self.remove:
            scope.remove_session(session)


class Upload(Strict):
    """Upload a text file."""

    session: str
    peer: str
    name: str
    text: str

    def play(self, stage: Stage) -> None:
        file = (self.name, self.text.encode(), "text/plain")
        stage.session(self.session).upload_file(file, peer=self.peer)


class Delete(Strict):
    """Delete a session, the first message of a session with this text, or a peer."""

    session: str | None = None
    message: str | None = None
    peer: str | None = None

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        if (self.session is None) == (self.peer is None) or (self.message is not None and self.session is None):
            raise ValueError("name a session, with or without a message, or a peer")
        return self

    def play(self, stage: Stage) -> None:
        if self.peer is not None:
            assert stage.http.delete(f"{stage.url}/peers/{self.peer}").status_code == 202
        elif self.session is not None and self.message is not None:
            ids = [each.id for each in stage.session(self.session).messages() if each.content == self.message]
            assert stage.http.delete(f"{stage.url}/sessions/{self.session}/messages/{ids[0]}").status_code == 204
        elif self.session is not None:
            stage.session(self.session).delete()


class Correct(Strict):
    """Correct the conclusion with this content."""

    observer: str
    about: str | None = None
    content: str
    to: str
    reason: str | None = None

    def play(self, stage: Stage) -> None:
        known = stage.peer(self.observer).conclusions_of(self.about or self.observer).list(size=100)
        [id] = [each.id for each in known if each.content == self.content]
        given = {"content": self.to, "reason": self.reason}
        body = {name: text for name, text in given.items() if text is not None}
        response = stage.http.patch(f"{stage.url}/conclusions/{id}", json=body)
        assert response.status_code == 200, response.text


class MergeStep(Strict):
    """Merge a peer into another, and wait until the old id stands for it."""

    peer: str
    into: str

    def play(self, stage: Stage) -> None:
        def merged() -> bool:
            response = stage.http.post(f"{stage.url}/peers/{self.peer}/merge", json={"into": self.into})
            assert response.status_code in (200, 202), response.text
            return response.status_code == 200

        until(merged)


def members(peers: Members) -> list[Any]:
    """Convert peers and flags to the SDK's types."""
    return [(peer, SessionPeerConfig.model_validate(flags or {})) for peer, flags in peers.items()]
