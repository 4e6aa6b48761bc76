"""Message search over HTTP: matches, order and restrictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import sql
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server

Find = Callable[..., list[str]]
EVERYTHING_EMBEDDED = "SELECT (SELECT messages_through FROM embedder) >= (SELECT max(pk) FROM messages)"


@pytest.fixture
def find(workspace_client: WorkspaceClient) -> Find:
    """`find(query)` returns the contents of the matches; `at` is the path, other arguments the body."""

    def found(query: str, at: str = "", **body: Any) -> list[str]:
        return [message["content"] for message in workspace_client.ok("POST", f"{at}/search", {"query": query, **body})]

    return found


@pytest.fixture
def talk(workspace_client: WorkspaceClient, server: Server) -> WorkspaceClient:
    """A conversation that is already embedded, so that repeated searches give the same result."""
    workspace_client.say(
        "home", "Our dog Rex dug up the garden.", "He got a discount of 50% on t-shirts.", peer="alice"
    )
    workspace_client.say("home", "The garden will recover.", peer="bob")
    workspace_client.say("work", "Where did you put main.py and user_id?", peer="bob")
    workspace_client.say("work", "The dog days are over.", peer="carol")
    with sql.opened(server.db) as db:
        until(lambda: bool(sql.value(db, EVERYTHING_EMBEDDED)))
    return workspace_client


def test_the_message_that_contains_the_words_comes_first(talk: WorkspaceClient, find: Find) -> None:
    assert find("Which dog dug?")[0] == "Our dog Rex dug up the garden."
    assert find("shirts with a discount")[0].startswith("He got a discount")


def test_words_are_found_in_other_forms(talk: WorkspaceClient, find: Find) -> None:
    assert find("recovering", limit=1) == ["The garden will recover."]


def test_the_query_matches_the_author(talk: WorkspaceClient, find: Find) -> None:
    assert find("carol", limit=1) == ["The dog days are over."]


def test_paraphrases_are_found_once_embedded(talk: WorkspaceClient, find: Find) -> None:
    until(lambda: any("dog" in content for content in find("puppy", limit=1)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("50%", "He got a discount of 50% on t-shirts."),
        ("USER_ID", "Where did you put main.py and user_id?"),
        ("main.py", "Where did you put main.py and user_id?"),
        ("r_id", "Where did you put main.py and user_id?"),
        ("%", "He got a discount of 50% on t-shirts."),
    ],
)
def test_literal_matches_come_first(query: str, found: str, talk: WorkspaceClient, find: Find) -> None:
    assert find(query)[0] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("garden/rex", "Our dog Rex dug up the garden."),
        ("#discount", "He got a discount of 50% on t-shirts."),
        ("$50", "He got a discount of 50% on t-shirts."),
        ("@carol", "The dog days are over."),
        ("`recover`", "The garden will recover."),
    ],
)
def test_a_query_with_signs_is_found_by_its_words_too(
    query: str, found: str, talk: WorkspaceClient, find: Find
) -> None:
    assert find(query)[0] == found


@pytest.mark.parametrize("query", ["\\", "%%"])
def test_signs_without_words_are_only_matched_literally(query: str, talk: WorkspaceClient, find: Find) -> None:
    assert find(query) == []


def test_verbatim_matches_come_first(workspace_client: WorkspaceClient, find: Find) -> None:
    workspace_client.say(
        "s", "red apples", "apples, red apples, red red apples", "we talked about Apples and red paint"
    )
    assert find("apples and red")[0] == "we talked about Apples and red paint"


def test_substrings_of_words_are_found(talk: WorkspaceClient, find: Find) -> None:
    assert find("ecove")[0] == "The garden will recover."


def test_text_without_spaces_between_words_is_found(workspace_client: WorkspaceClient, find: Find) -> None:
    workspace_client.say("s", "私の犬は太郎です", "今日は雨です")
    assert find("犬は")[0] == "私の犬は太郎です"


def test_case_is_ignored_in_any_script(workspace_client: WorkspaceClient, find: Find) -> None:
    workspace_client.say("s", "Die STRAẞE #7", "Ελλάδα_1")
    assert find("straße")[0] == "Die STRAẞE #7"
    assert find("#7")[0] == "Die STRAẞE #7"
    assert find("ΕΛΛΆΔΑ_1")[0] == "Ελλάδα_1"


@pytest.mark.parametrize("query", ["", "  ", "\t"])
def test_an_empty_query_finds_the_newest(query: str, talk: WorkspaceClient, find: Find) -> None:
    assert find(query, limit=2) == ["The dog days are over.", "Where did you put main.py and user_id?"]
    assert find(query, "/sessions/home", limit=1) == ["The garden will recover."]


def test_newest_means_said_last(workspace_client: WorkspaceClient, find: Find) -> None:
    times = {"then": "2020-01-01T00:00:00Z", "later": "2022-01-01T00:00:00Z", "between": "2021-01-01T00:00:00Z"}
    batch = [{"peer_id": "alice", "content": name, "created_at": at} for name, at in times.items()]
    workspace_client.ok("POST", "/sessions/s/messages", {"messages": batch})
    assert find("") == ["later", "between", "then"]


def test_an_answer_is_found_by_its_question(workspace_client: WorkspaceClient, find: Find) -> None:
    workspace_client.say("s", "Small talk.", "More of it.", "Which instrument does your sister play?", peer="alice")
    workspace_client.say("s", "The oboe.", peer="bob")
    workspace_client.say("s", "Well, well.", "And so on.", peer="alice")
    assert find("instrument sister play", limit=2) == ["Which instrument does your sister play?", "The oboe."]


def test_a_peers_search_finds_its_messages(talk: WorkspaceClient, find: Find) -> None:
    assert find("dog", "/peers/carol") == ["The dog days are over."]
    assert find("dog", "/peers/carol", filters={"peer_id": "alice"}) == ["The dog days are over."]
    assert find("", "/peers/nobody") == []


def test_a_sessions_search_finds_only_its_messages(talk: WorkspaceClient, find: Find) -> None:
    assert {*find("dog", "/sessions/work")} <= {"The dog days are over.", "Where did you put main.py and user_id?"}
    assert find("", "/sessions/work", filters={"session_id": "home"}, limit=1) == ["The dog days are over."]
    assert find("dog", "/sessions/nowhere") == []


def test_an_unknown_workspace_gives_no_result(workspace_client: WorkspaceClient, find: Find) -> None:
    assert find("dog") == find("") == []
    assert not workspace_client.was_there()


@pytest.mark.parametrize("query", ["dog", "", "o", "50%", "main.py"])
def test_filters_apply_to_every_kind_of_query(query: str, talk: WorkspaceClient, find: Find) -> None:
    for session in ("home", "work"):
        here = find(query, filters={"session_id": session}, limit=100)
        assert here == find(query, "/sessions/" + session, limit=100)
        others = find(query, filters={"NOT": [{"session_id": session}]}, limit=100)
        assert not {*here} & {*others}
    assert find(query, filters={"created_at": {"lt": "2001-01-01"}}) == []
    assert find(query, filters={"workspace_id": "another"}, limit=100) == find(query, limit=100)


def test_neighbours_that_fail_the_filter_are_not_found(talk: WorkspaceClient, find: Find) -> None:
    assert find("garden recover", filters={"peer_id": "bob", "session_id": "home"}) == ["The garden will recover."]


@pytest.mark.parametrize("filters", [{"nonsense": 1}, {"peer_perspective": 5}, {"AND": {}}, {"token_count": "x"}])
def test_an_invalid_filter_is_refused(filters: Any, talk: WorkspaceClient) -> None:
    for at in ("", "/peers/alice", "/sessions/home"):
        assert talk.call("POST", f"{at}/search", {"query": "x", "filters": filters}).status_code == 422


def test_a_perspective_shows_messages_of_the_peers_stays(workspace_client: WorkspaceClient, find: Find) -> None:
    workspace_client.say("s", "before dora came")
    workspace_client.say("elsewhere", "where dora never was")
    workspace_client.ok("POST", "/sessions/s/peers", {"dora": {}})
    workspace_client.say("s", "while dora was there")
    workspace_client.ok("DELETE", "/sessions/s/peers", ["dora"])
    workspace_client.say("s", "after dora left")
    for query in ("", "dora"):
        assert find(query, filters={"peer_perspective": "dora"}) == ["while dora was there"]
        assert find(query, filters={"peer_perspective": "nobody"}) == []
    assert len(find("", filters={"peer_perspective": "alice", "session_id": "s"})) == 3


def test_a_perspective_uses_arrival_instead_of_created_at(workspace_client: WorkspaceClient, find: Find) -> None:
    said = {"peer_id": "alice", "content": "long ago", "created_at": "2001-01-01T00:00:00Z"}
    workspace_client.ok("POST", "/sessions/s/messages", {"messages": [said]})
    assert find("long", filters={"peer_perspective": "alice"}) == ["long ago"]


def test_a_scope_restricts_to_its_sessions(talk: WorkspaceClient, find: Find) -> None:
    talk.ok("POST", "/scopes", {"id": "household"})
    for query in ("dog", ""):
        assert find(query, scope="household") == []
    talk.ok("POST", "/scopes/household/sessions", {"session_ids": ["home"]})
    assert {*find("", scope="household")} == {*find("", "/sessions/home")}
    assert "The dog days are over." not in find("dog", scope="household")
    assert find("dog", scope="household", filters={"peer_id": "carol"}) == []


def test_an_unknown_scope_is_not_found(workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("POST", "/search", {"query": "x", "scope": "nowhere"}).status_code == 404


@pytest.mark.parametrize("filters", [{"session_id": "home"}, {"OR": [{"NOT": [{"session_id": {"in": []}}]}]}])
def test_a_scope_and_a_filter_for_sessions_exclude_each_other(filters: Any, talk: WorkspaceClient) -> None:
    body = {"query": "x", "scope": "household", "filters": filters}
    assert talk.call("POST", "/search", body).status_code == 422


def test_a_deleted_session_is_no_longer_found_at_once(talk: WorkspaceClient, find: Find) -> None:
    talk.call("DELETE", "/sessions/home")
    for query in ("garden", "50%", "puppy", ""):
        assert not {*find(query)} & {"Our dog Rex dug up the garden.", "The garden will recover."}
    talk.say("home", "A new beginning without a dog.")
    assert find("dog", "/sessions/home") == ["A new beginning without a dog."]


def test_copied_messages_are_found(talk: WorkspaceClient, find: Find) -> None:
    copy = talk.ok("POST", "/sessions/home/clone")["id"]
    assert find("Rex", f"/sessions/{copy}", limit=1) == ["Our dog Rex dug up the garden."]


def test_a_query_that_is_too_long_is_refused(workspace_client: WorkspaceClient) -> None:
    answer = workspace_client.call("POST", "/search", {"query": "word " * 8_193})
    assert answer.status_code == 422
    assert "8192" in answer.json()["detail"]
    assert workspace_client.call("POST", "/search", {"query": "word " * 8_000}).status_code == 200


@pytest.mark.parametrize("query", ["%" * 10_001, "%" * 60_000, "_ " * 4_000, "\\" * 30_000, "é" * 8_000])
def test_a_long_query_does_not_exceed_sqlites_pattern_limit(query: str, talk: WorkspaceClient) -> None:
    answer = talk.call("POST", "/search", {"query": query})
    assert answer.status_code == 200 or "8192" in answer.json()["detail"]
    assert answer.status_code in (200, 422)


@pytest.mark.parametrize("limit", [0, 101])
def test_the_limit_has_limits(limit: int, workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("POST", "/search", {"query": "x", "limit": limit}).status_code == 422


SYNTAX = st.lists(
    st.sampled_from(
        ['"', "'", "*", "(", ")", "AND", "OR", "NOT", "NEAR(", ":", "^", "+", "-", "text:", "place:", "{", "}"]
    )
    | st.text(max_size=3),
    max_size=8,
).map(" ".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text() | SYNTAX)
def test_queries_have_no_syntax(query: str, workspace_client: WorkspaceClient) -> None:
    if not workspace_client.was_there():
        workspace_client.say("s", "place text AND", '"quoted" (text)')
    for at in ("", "/sessions/s"):
        assert workspace_client.call("POST", f"{at}/search", {"query": query}).status_code == 200


@pytest.mark.parametrize("word", ["w1", "s1", "p1", "place", "AND", "NEAR"])
def test_queries_match_only_text(word: str, workspace_client: WorkspaceClient, find: Find) -> None:
    workspace_client.say("s", "nothing of the kind")
    assert find(word, "/sessions/s") in ([], ["nothing of the kind"])
    workspace_client.say("t", f"it says {word} here")
    assert find(word)[0] == f"it says {word} here"
