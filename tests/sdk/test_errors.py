"""The SDK's exceptions for refused requests: the class of the status, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from honcho import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    Honcho,
    NotFoundError,
    Session,
    UnprocessableEntityError,
)
from honcho.api_types import SessionConfiguration, SessionPeerConfig

from tests.sdk.conftest import Connect
from tests.sdk.styles import Style
from tests.server_process import Server

Deed = Callable[[Style, Honcho], Any]

OBSERVERS = [(f"observer-{n}", SessionPeerConfig(observe_others=True)) for n in range(11)]
DEEP: dict[str, object] = {"1": {"2": {"3": {"4": {"5": {}}}}}}
CROSSED = SessionConfiguration.model_validate(
    {"summary": {"messages_per_short_summary": 30, "messages_per_long_summary": 20}}
)

REFUSED: dict[str, tuple[Deed, type[APIError], str]] = {
    "too many observers": (
        lambda call, h: call(h.session, "crowd", peers=OBSERVERS),
        BadRequestError,
        "Cannot create session crowd with 11 observers",
    ),
    "no such session": (lambda call, h: call(Session("ghost", h).delete), NotFoundError, "Session ghost not found"),
    "no such message": (lambda call, h: call(Session("s", h).get_message, "m"), NotFoundError, "Message with ID m"),
    "no such path": (lambda call, h: call(Session("s", h).get_message, "a/b"), NotFoundError, "Not Found"),
    "a session is left": (
        lambda call, h: (call(h.session, "s"), call(h.delete_workspace, h.workspace_id)),
        ConflictError,
        "active session",
    ),
    "a bad id": (lambda call, h: call(h.peer, "not an id!"), UnprocessableEntityError, "pattern"),
    "a long id": (lambda call, h: call(h.session, "x" * 513), UnprocessableEntityError, "512"),
    "deep metadata": (lambda call, h: call(h.set_metadata, DEEP), UnprocessableEntityError, "depth of 5"),
    "crossed intervals": (
        lambda call, h: call(Session("s", h).set_configuration, CROSSED),
        UnprocessableEntityError,
        "messages_per_short_summary must be less",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_raises_the_class_of_its_status_with_the_reason(honcho: Honcho, case: str, call: Style) -> None:
    deed, error, reason = REFUSED[case]
    with pytest.raises(APIError) as refused:
        deed(call, honcho)
    assert type(refused.value) is error
    assert reason in str(refused.value)


def test_a_validation_error_names_the_field(honcho: Honcho, call: Style) -> None:
    with pytest.raises(UnprocessableEntityError) as refused:
        call(honcho.peer, "not an id!")
    [fault] = refused.value.body["detail"]
    assert fault["loc"] == ["body", "id"]
    assert fault["type"] == "string_pattern_mismatch"


def test_a_refusal_leaves_the_client_usable(honcho: Honcho, call: Style) -> None:
    with pytest.raises(UnprocessableEntityError):
        call(honcho.peer, "not an id!")
    assert call(honcho.peer, "alice").id == "alice"


def test_a_client_without_a_key_is_refused_at_its_first_call(
    guarded: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    honcho = connect(guarded, fresh("workspace"))
    for _ in range(2):
        with pytest.raises(AuthenticationError, match="No access token provided"):
            call(honcho.peers)
