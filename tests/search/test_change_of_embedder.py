"""A database whose embedder changes while servers use it: nothing is lost, and all texts are embedded again."""

from __future__ import annotations

from pathlib import Path

from tests import sql
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server

SAID = [
    "We adopted a puppy last week.",
    "The train to Porto leaves at nine.",
    "My sister started at a bakery in Oslo.",
    "I can't eat anything with milk in it.",
]
QUESTIONS = {"Which pet do they have?": SAID[0], "Where does her sibling work?": SAID[2], "dairy allergy": SAID[3]}


def stored(db: Path) -> set[tuple[str, int, int]]:
    """The embedder, and the number of vectors and their lengths in bytes."""
    with sql.opened(db) as file:
        query = """
            SELECT (SELECT name FROM embedder), count(*), length(vector) FROM message_vectors GROUP BY length(vector)
        """
        return {*sql.rows(file, query)}


def found(place: WorkspaceClient) -> list[str]:
    """The first result of each question."""
    return [place.ok("POST", "/search", {"query": question})[0]["content"] for question in QUESTIONS]


def test_the_default_embedder_takes_over_a_database_while_it_serves(tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", embedder="wordllama")
    with server.client() as http:
        WorkspaceClient(http, "w").say("s", *SAID)
        until(lambda: stored(server.db) == {("wordllama:l2_supercat", 4, 512)})
    server.stop()
    server = Server(tmp_path / "omoide.db", embedder="bge-small")
    with server.client() as http:
        place = WorkspaceClient(http, "w")
        assert found(place) == [*QUESTIONS.values()], "whether or not the job has run"
        place.say("s", "Our tortoise is called Bruno.")
        assert place.ok("POST", "/search", {"query": "reptile"})[0]["content"] == "Our tortoise is called Bruno."
        until(lambda: stored(server.db) == {("bge-small:en-v1.5-int8+glosses", 5, 768)})
        assert found(place) == [*QUESTIONS.values()]
    server.stop()
