"""Answers quote matching statements, newest first, or state that nothing is known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from omoide.core.clock import DAY, MINUTE
from omoide.inference.embedders import EmbeddingFailed, Vectors
from omoide.reasoner.extractive.answer import answer
from omoide.reasoner.extractive.retrieval import BREADTHS
from omoide.reasoner.protocol import Question, ReasoningLevel
from omoide.storage import conclusions, sessions
from omoide.storage.peers import ensure
from omoide.storage.sqlite.engine import Connection, Store
from tests.reasoner.extractive.answering import NOTHING, START, check, question, said
from tests.reasoner.memory_fixtures import EMBEDDER, TOKENS, Past

pytestmark = pytest.mark.usefixtures("with_and_without_cross_encoder")

ALICE = (
    "alice lives in Porto",
    "alice lives in Lisbon",
    "alice likes green tea",
    "alice works at Siemens as an engineer",
    "alice's dog's name is Rex",
    "alice is allergic to peanuts",
    "alice plays the cello in an orchestra",
    "alice's brother Tom lives in Berlin",
    "alice visited Japan in April 2025",
    "alice hates cilantro",
    "alice's favourite food is sushi",
    "alice has two children",
    "alice is 41 years old",
    "alice does not drink coffee",
    'alice said: "My landlord raised the rent to 900 euros."',
)
TALK = (
    ("bot", "Hi! Where do you live?"),
    ("alice", "Lisbon, since March."),
    ("bot", "Nice. Do you have any pets?"),
    ("alice", "Yes, a dog called Rex. He's three."),
    ("bot", "And what do you do?"),
    ("alice", "I'm a nurse at the children's hospital."),
    ("bot", "Anything else going on?"),
    ("alice", "My sister is getting married in Verona in September, so I am learning some Italian."),
    ("bob", "I work at Google and I ride a motorcycle."),
    ("alice", "I can't eat peanuts, I get hives."),
    ("alice", "What is the weather like today?"),
    ("bot", "I don't know the weather, I have no idea."),
    ("alice", "My bicycle was stolen outside the library on Friday."),
    ("bot", "Oh no!"),
    ("alice", "Thanks."),
)
TEAM = (
    ("ana", "ana lives in Madrid"),
    ("ana", "ana works at a bakery"),
    ("ben", "ben lives in Oslo"),
    ("ben", "ben's cat's name is Momo"),
    ("cem", "cem is learning to fly gliders"),
    ("cem", "cem lives in Izmir"),
)


class World:
    """Three workspaces: facts about alice, a conversation without conclusions, and facts about a team."""

    def __init__(self, store: Store) -> None:
        self.alice, self.talk, self.team = (Past(store, name) for name in ("alice", "talk", "team"))
        _conclude(self.alice, [("alice", content) for content in ALICE])
        for minute, (peer, content) in enumerate(TALK):
            self.talk.say("chat", content, peer=peer, at=START + minute * MINUTE)
        _conclude(self.team, TEAM)
        self.alice.embed()

    def ask(self, asked: Question, place: str) -> str:
        past: Past = getattr(self, place)
        return said(asked, past.memory(asked.observer_id, asked.target_id))


def _conclude(past: Past, statements: Sequence[tuple[str, str]]) -> None:
    def stored(db: Connection) -> None:
        workspace, row = sessions.ensure(db, past.workspace_id, "s", 0)
        for day, (peer, content) in enumerate(statements):
            at = START + day * DAY
            pk = ensure(db, workspace, [peer], at)[peer]
            target = conclusions.Target(workspace, (pk, pk), row)
            conclusions.insert(db, target, conclusions.ConclusionRow(f"{peer}-{day}", content, at), at)

    past.write(stored)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    store = Store.open(tmp_path_factory.mktemp("answers") / "omoide.db")
    yield World(store)
    store.close()


KNOWN: list[tuple[str, list[str], list[str]]] = [
    (
        "Where does alice live?",
        ["alice lives in Lisbon. (alice, 2026-01-06)"],
        ["Berlin", "Earlier", "Porto"],
    ),
    ("Tell me where she lives now", ["Lisbon"], ["Berlin", NOTHING]),
    ("In which city do I live?", ["Lisbon"], ["Berlin"]),
    ("Where did alice live before?", ["Earlier: alice lives in Porto. (alice, 2026-01-05)"], ["Berlin", "Lisbon"]),
    ("Where has alice lived?", ["alice lives in Lisbon. (alice, 2026-01-06) Earlier: alice lives in Porto."], []),
    ("Where does alice work?", ["Siemens"], ["Lisbon", NOTHING]),
    ("What's alice's job?", ["engineer"], ["Lisbon"]),
    ("what does alice do for a living?", ["engineer"], ["cello"]),
    ("What does alice like?", ["green tea", "sushi"], ["cilantro", "peanuts"]),
    ("What does alice hate?", ["cilantro"], ["sushi", "green tea"]),
    ("What is alice's dog called?", ["Rex"], ["Tom"]),
    ("What's the name of my dog?", ["Rex"], ["Tom"]),
    ("Does alice have any pets?", ["Rex"], [NOTHING]),
    ("What is she allergic to?", ["peanuts"], ["sushi"]),
    ("How old is alice?", ["41"], ["two children", "900"]),
    ("What is alice's favourite food?", ["sushi"], ["cilantro"]),
    ("What is alice's favorite food?", ["sushi"], [NOTHING]),
    ("Which instrument does alice play?", ["cello"], ["Siemens"]),
    ("Does alice play an instrument?", ["cello"], ["Yes"]),
    ("Where does alice's brother live?", ["Berlin"], ["Lisbon", "Porto"]),
    ("Where does Tom live?", ["Berlin"], ["Lisbon"]),
    ("Who is alice's brother?", ["Tom"], ["Rex"]),
    ("When did alice visit Japan?", ["April 2025"], ["Lisbon"]),
    ("Has alice ever been to Japan?", ["Japan"], [NOTHING]),
    ("How many children does alice have?", ["two children"], ["41", "900"]),
    ("Does alice drink coffee?", ["does not drink coffee"], ["Yes", "No,"]),
    ("How much is alice's rent?", ['"My landlord raised the rent to 900 euros."'], ["41"]),
    ("Where does alice live and what is her dog's name?", ["Lisbon", "Rex"], ["Berlin"]),
    ("Should I serve peanut butter to alice?", ["allergic to peanuts"], []),
]


@pytest.mark.parametrize(("query", "holds", "lacks"), KNOWN)
def test_known_statements_are_quoted(world: World, query: str, holds: list[str], lacks: list[str]) -> None:
    check(world.ask(question(query), "alice"), holds, lacks)


UNKNOWN = [
    "What is alice's name?",
    "What is alice's favourite colour?",
    "When is alice's birthday?",
    "What is alice's phone number?",
    "Which programming language does alice prefer?",
    "What car does alice drive?",
    "What music does alice like?",
    "Has alice been to China?",
    "Who is alice married to?",
    "Where did alice go to school?",
    "What does alice do on weekends?",
    "Is alice religious?",
    "What is the capital of France?",
    "Which football team does alice support?",
    "How tall is alice?",
    "What is alice's cat called?",
    "Where was alice born?",
    "Does alice own a boat?",
    "What did alice study?",
    "hello",
]


@pytest.mark.parametrize("query", UNKNOWN)
def test_an_unknown_answer_is_stated_as_unknown(world: World, query: str) -> None:
    assert world.ask(question(query), "alice") == f"{NOTHING} regarding alice."


TOLD: list[tuple[str, list[str], list[str]]] = [
    (
        "Where does alice live?",
        ['Asked "Where do you live?", alice said on 2026-01-05: "Lisbon, since March."'],
        ["Google"],
    ),
    ("What is alice's dog called?", ["a dog called Rex"], ["peanuts"]),
    ("How old is Rex?", ["He's three"], ["Verona"]),
    ("What does alice do?", ["I'm a nurse"], ["Google"]),
    ("Where does bob work?", ['bob said on 2026-01-05: "I work at Google'], ["nurse"]),
    ("What can't alice eat?", ["peanuts"], ["Rex"]),
    ("Who is getting married in Verona?", ["My sister"], ["stolen"]),
    ("What happened to alice's bicycle?", ["stolen outside the library"], ["motorcycle"]),
    ("Where was the bicycle stolen?", ["library"], ["Verona"]),
    ("When is the wedding of alice's sister?", ["September"], ["Friday"]),
]


@pytest.mark.parametrize(("query", "holds", "lacks"), TOLD)
def test_messages_are_quoted_without_conclusions(world: World, query: str, holds: list[str], lacks: list[str]) -> None:
    check(world.ask(question(query), "talk"), holds, lacks)


@pytest.mark.parametrize(
    "query",
    [
        "What is the weather like today?",
        "What car does alice drive?",
        "Where does alice's mother live?",
        "How many children does alice have?",
        "What is alice's favourite book?",
        "Does alice ride a motorcycle?",
    ],
)
def test_earlier_questions_are_not_quoted_as_answers(world: World, query: str) -> None:
    check(world.ask(question(query), "talk"), [], ["weather", '"I ride', "motorcycle"])


OF_A_TEAM: list[tuple[str, list[str], list[str]]] = [
    ("Where does ben live?", ["ben lives in Oslo. (ben, 2026-01-07)"], ["Madrid", "Izmir"]),
    ("Where do ana and cem live?", ["Madrid", "Izmir"], ["Oslo"]),
    ("Who lives in Izmir?", ["cem lives in Izmir"], []),
    ("Who is learning to fly?", ["cem is learning to fly gliders"], ["bakery"]),
    ("What is ben's cat called?", ["Momo"], ["ana"]),
    ("Who works at a bakery?", ["ana works at a bakery"], ["gliders"]),
    ("What do you know about cem?", ["gliders", "Izmir"], ["ana", "ben"]),
    ("Who plays the violin?", [NOTHING], ["ana", "ben", "cem"]),
    ("What is the password of the printer?", [f"{NOTHING}."], []),
]


@pytest.mark.parametrize(("query", "holds", "lacks"), OF_A_TEAM)
def test_a_workspace_question_is_about_the_peers_that_it_names(
    world: World, query: str, holds: list[str], lacks: list[str]
) -> None:
    check(world.ask(question(query, target=None, observer=None), "team"), holds, lacks)


@pytest.mark.parametrize(
    "query",
    ["What do you know about alice?", "Tell me about alice", "Summarise alice.", "Who is alice?", "describe me"],
)
def test_an_overview_lists_the_newest_current_statements_first(world: World, query: str) -> None:
    text = world.ask(question(query), "alice")
    assert text.startswith("alice does not drink coffee. (alice, 2026-01-18) alice is 41 years old.")
    assert text.count("(alice, ") == 5


def test_an_overview_without_conclusions_quotes_the_newest_messages(world: World) -> None:
    text = world.ask(question("What do you know about alice?"), "talk")
    check(text, ["stolen outside the library", "peanuts"], ["bob said", "bot said", "weather", "Thanks"])


@pytest.mark.parametrize("level", list(BREADTHS))
def test_every_level_answers_known_and_unknown_questions(world: World, level: ReasoningLevel) -> None:
    for place in ("alice", "talk"):
        assert "Lisbon" in world.ask(question("Where does alice live?", level=level), place)
        assert world.ask(question("What car does alice drive?", level=level), place).startswith(NOTHING)


def test_the_highest_level_lists_every_matching_message(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "omoide.db")
    past = Past(store)
    for day in range(14):
        past.say("cafe", f"I bought {day + 1} coffees for {2 * day + 2} euros", at=START + day * DAY)
        past.say("cafe", "The bus was late again", "We watched a film", peer="bob", at=START + day * DAY)
    text = said(question("How many coffees did alice buy, and for how much?", level="max"), past.memory())
    store.close()
    assert [day for day in range(14) if f"bought {day + 1} coffees" not in text] == []
    assert "bus" not in text


def test_an_answer_stays_within_the_token_limit_of_its_level(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "omoide.db")
    past = Past(store)
    past.say(
        "s", *(f"My garden has {kind} and " + "many more lovely plants, " * 8 for kind in ("roses", "lilies", "figs"))
    )
    text = said(question("What does alice's garden have?", level="minimal"), past.memory())
    store.close()
    assert "garden" in text
    assert TOKENS.count(text) <= 250


def test_an_answer_is_streamed_by_sentence(world: World) -> None:
    async def pieces() -> list[str]:
        asked = question("Where does alice live and what is her dog's name?")
        return [piece async for piece in answer(asked, world.alice.memory(), EMBEDDER)]

    assert asyncio.run(pieces()) == [
        "alice lives in Lisbon. (alice, 2026-01-06)",
        " alice's dog's name is Rex. (alice, 2026-01-09)",
    ]


def test_records_that_were_read_are_evidence(world: World) -> None:
    memory = world.alice.memory()
    said(question("Where does alice live?"), memory)
    assert "alice lives in Lisbon" in [each.content for each in memory.evidence.conclusions.values()]
    assert [call.tool_name for call in memory.evidence.tool_calls] == ["search_memory", "search_messages"]


class Failing:
    """An embedder whose provider is unreachable."""

    name, dimensions = EMBEDDER.name, EMBEDDER.dimensions
    embed_now = None
    characters_on_demand = 0

    async def embed(self, texts: Sequence[str]) -> Vectors:
        raise EmbeddingFailed("away", retryable=True)

    embed_queries = embed

    async def aclose(self) -> None:
        pass


def test_statements_are_ranked_by_words_while_the_embedder_fails(world: World) -> None:
    async def read() -> str:
        asked = question("Which instrument does alice play?")
        return "".join([piece async for piece in answer(asked, world.alice.memory(), Failing())])

    assert "cello" in asyncio.run(read())
