"""Structured answers: values from evidence only, and no answer if a required value is unknown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from pydantic import BaseModel, Field

from omoide.core.records import Conclusion
from omoide.reasoner.evidence import Snippet
from omoide.reasoner.extractive import structured_answers
from omoide.reasoner.extractive.answer import answer
from omoide.reasoner.extractive.candidates import statements
from omoide.reasoner.extractive.questions import parse_question
from omoide.reasoner.output_schema import check, enforced, resolved
from omoide.storage.sqlite.engine import Store
from tests.reasoner.extractive.answering import fact, facts, question, snippet
from tests.reasoner.memory_fixtures import EMBEDDER, TOKENS, Past

ALICE = (
    "alice's name is Alice Moe",
    "alice lives in Porto",
    "alice lives in Lisbon",
    "alice likes green tea",
    "alice likes jazz",
    "alice works at Siemens as an engineer",
    "alice's dog's name is Rex",
    "alice is vegetarian",
    "alice has two children",
    "alice's favourite food is sushi",
    "alice does not own a car",
    "alice is 41 years old",
    "alice plays the cello in an orchestra",
    "alice prefers winter to any other season",
)
TALK = (
    ("bob", "I am vegan and I have nine children."),
    ("alice", "I drank 3 coffees before noon."),
    ("alice", "My kayak is red."),
)


def filled(
    schema: dict[str, Any],
    known: Sequence[Conclusion] = (),
    said: Sequence[Snippet] = (),
    query: str = "Tell me what you know in this form",
    told: str | None = None,
) -> Any:
    """Return the parsed answer for the schema; None if there is no answer."""
    asked = parse_question(query, ["alice", "bob"], "alice", "alice")
    normal = resolved(schema)
    candidates = statements(question(query), asked, known, said)
    vectors = asyncio.run(structured_answers.vectors_of(normal, asked, candidates, EMBEDDER))
    text = structured_answers.filled(normal, asked, candidates, vectors, told)
    return json.loads(text) if text else None


def of(required: bool = True, **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return schema | ({"required": list(properties)} if required else {})


def only(name: str, node: dict[str, Any], required: bool = False, **more: Any) -> Any:
    found = filled(of(required, **{name: node}), facts(*ALICE), snippet(*TALK), **more)
    return None if found is None else found[name]


STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
STRINGS = {"type": "array", "items": STRING}


@pytest.mark.parametrize(
    ("name", "node", "expected"),
    [
        ("name", STRING, "Alice Moe"),
        ("city", STRING, "Lisbon"),
        ("where", STRING | {"description": "Where does alice live?"}, "Lisbon"),
        ("employer", STRING, "Siemens"),
        ("jobTitle", STRING, "engineer"),
        ("age", INTEGER, 41),
        ("age", STRING, "41"),
        ("dog_name", STRING, "Rex"),
        ("dog", of(name=STRING), {"name": "Rex"}),
        ("likes", STRINGS, ["jazz", "green tea"]),
        ("favorite_food", STRING, "sushi"),
        ("instrument_played", STRING | {"description": "Which instrument is played in an orchestra"}, ALICE[12]),
        ("number_of_children", INTEGER, 2),
        ("children", {"type": "number"}, 2),
        ("coffees", INTEGER, 3),
        ("is_vegetarian", BOOLEAN, True),
        ("vegetarian", BOOLEAN, True),
        ("likesJazz", BOOLEAN, True),
        ("owns_car", BOOLEAN, False),
        ("diet", {"enum": ["vegan", "vegetarian", "none"]}, "vegetarian"),
        ("favourite_season", {"enum": ["summer", "winter"]}, "winter"),
        ("instrument", {"enum": ["cello", "violin"]}, "cello"),
        ("kayak_colour", {"enum": ["red", "blue"]}, "red"),
        ("kayak", STRING, 'alice said: "My kayak is red."'),
        ("city", {"anyOf": [INTEGER, STRING]}, "Lisbon"),
        ("city", {"type": ["integer", "string"]}, "Lisbon"),
        ("city", {"oneOf": [of(zip=INTEGER), STRING]}, "Lisbon"),
    ],
)
def test_values_are_extracted_from_evidence(name: str, node: dict[str, Any], expected: object) -> None:
    assert only(name, node) == expected


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("nickname", STRING),
        ("birthday", STRING),
        ("favorite_color", STRING),
        ("shoe_size", INTEGER),
        ("sisters", INTEGER),
        ("years_of_experience", INTEGER),
        ("rating", {"type": "number"}),
        ("is_vegan", BOOLEAN),
        ("is_married", BOOLEAN),
        ("likes_tea_parties", BOOLEAN),
        ("owns_boat", BOOLEAN),
        ("dog", of(name={"type": "null"}, age=INTEGER) | {"type": ["object", "null"]}),
        ("company", of(name=STRING)),
        ("mood", {"enum": ["good", "bad"]}),
        ("religion", {"enum": ["buddhist", "christian"]}),
        ("sentiment", {"enum": ["red", "blue"]}),
        ("cat_name", STRING),
    ],
)
def test_values_without_evidence_are_null(name: str, node: dict[str, Any]) -> None:
    assert only(name, node) is None


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (STRING, ""),
        (STRINGS, []),
        ({"type": "array", "items": of(a=STRING)}, []),
        (of(a=STRING, b=of(c=STRINGS)), {"a": "", "b": {"c": []}}),
        (of(required=False, a=STRING, b=INTEGER), {"a": None, "b": None}),
        (STRING | {"default": "x"}, "x"),
        (INTEGER | {"default": "no number"}, None),
        ({"anyOf": [INTEGER, STRING]}, ""),
        ({"type": ["integer", "null"]}, None),
    ],
)
def test_a_required_property_without_evidence_gets_an_empty_value(node: dict[str, Any], expected: object) -> None:
    found = filled(of(zyx=node))
    assert found == (None if node.get("default") == "no number" else {"zyx": expected})


@pytest.mark.parametrize("node", [INTEGER, {"type": "number"}, BOOLEAN, {"enum": ["a", "b"]}, of(a=BOOLEAN)])
def test_there_is_no_answer_if_a_required_value_cannot_be_empty(node: dict[str, Any]) -> None:
    assert filled(of(zyx=node, name=STRING), facts(*ALICE)) is None


def test_defaults_are_used_without_evidence() -> None:
    assert filled(of(required=False, zyx=INTEGER | {"default": 5}, tags=STRINGS)) == {"zyx": 5, "tags": []}


def test_values_that_violate_a_constraint_are_not_used() -> None:
    assert only("name", STRING | {"maxLength": 5}) is None
    assert only("birthday", STRING | {"format": "date"}) is None
    assert only("age", INTEGER | {"maximum": 40}) is None
    assert only("likes", STRINGS | {"maxItems": 1}) == ["jazz"]


def test_conflicting_numbers_give_null() -> None:
    said = snippet(("alice", "I bought 3 coffees"), ("alice", "I bought 5 coffees"))
    assert filled(of(coffees={"type": ["integer", "null"]}), said=said) == {"coffees": None}


def test_values_of_several_peers_give_null() -> None:
    known = [fact("ana lives in Madrid", peer="ana"), fact("ben lives in Oslo", peer="ben")]
    asked = parse_question("Fill it in", ["ana", "ben"], None, None)
    normal = resolved(of(city={"type": ["string", "null"]}))
    candidates = statements(question("Fill it in", None, None), asked, known, [])
    assert json.loads(structured_answers.filled(normal, asked, candidates, None, None)) == {"city": None}


def test_an_answer_property_contains_the_answer() -> None:
    assert filled(of(answer=STRING), told="alice lives in Lisbon.") == {"answer": "alice lives in Lisbon."}
    assert filled(of(answer=STRING)) == {"answer": ""}


class Dog(BaseModel):
    name: str | None = None
    age: int | None = None


class Profile(BaseModel):
    name: str
    city: str = Field(description="Where the user lives now")
    employer: str | None
    likes: list[str] = Field(default_factory=list)
    dog: Dog
    diet: Literal["vegan", "vegetarian"] | None = None
    score: int = 5
    answer: str


def asked_for(past: Past, schema: dict[str, Any] | None = None, **more: Any) -> str:
    async def read() -> list[str]:
        form = schema or Profile.model_json_schema()
        asked = question("Where does alice live?", response_format=form, **more)
        return [piece async for piece in answer(asked, past.memory(), EMBEDDER)]

    return "".join(asyncio.run(read()))


def test_a_pydantic_model_is_filled_from_the_store(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "omoide.db")
    past = Past(store)
    for content in ALICE:
        past.conclude(content)
    past.embed()
    text = asked_for(past)
    store.close()
    profile = Profile.model_validate_json(text)
    assert profile.model_dump(exclude={"answer", "likes"}) == {
        "name": "Alice Moe",
        "city": "Lisbon",
        "employer": "Siemens",
        "dog": {"name": "Rex", "age": None},
        "diet": "vegetarian",
        "score": 5,
    }
    assert set(profile.likes) == {"green tea", "jazz"}
    assert profile.answer.startswith("alice lives in Lisbon.")


def test_a_pydantic_model_is_filled_without_records(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "omoide.db")
    text = asked_for(Past(store))
    store.close()
    assert Profile.model_validate_json(text) == Profile(name="", city="", employer=None, dog=Dog(), answer="")


def test_an_optional_property_without_evidence_is_omitted(tmp_path: Path) -> None:
    schema = of(required=False, city=STRING, opera=STRING, shoe_size=INTEGER, boats=STRINGS, car=of(colour=STRING))
    store = Store.open(tmp_path / "omoide.db")
    past = Past(store)
    past.conclude("alice lives in Lisbon")
    found = json.loads(asked_for(past, schema))
    store.close()
    assert found == {"city": "Lisbon", "boats": []}
    Draft202012Validator(schema).validate(found)


def test_the_lowest_level_respects_its_token_limit(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "omoide.db")
    past = Past(store)
    for number in range(5):
        past.conclude(f"alice likes answering where she lives, at house {number}, " + "with a long description, " * 15)
    past.conclude("alice lives in Lisbon")
    text = asked_for(past, level="minimal")
    store.close()
    assert TOKENS.count(text) <= 250
    assert Profile.model_validate_json(text).city == "Lisbon"


NAMES = st.sampled_from(
    ["name", "city", "age", "likes", "is_vegetarian", "dog", "answer", "children", "", "x y", "Ünï"]
)
CHOICES = st.lists(st.sampled_from(["vegan", "winter", "", 1, 41, True, False, None]), min_size=1, max_size=3)
LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])}
    ),
    st.fixed_dictionaries(
        {"type": st.lists(st.sampled_from(["string", "integer", "null", "array"]), min_size=1, max_size=3)}
    ),
    st.fixed_dictionaries({"enum": CHOICES}),
    st.fixed_dictionaries({"const": st.sampled_from(["vegan", 2, None])}),
    st.just({}),
)


def _above(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(lambda properties: of(False, **properties), st.dictionaries(NAMES, inner, max_size=3)),
        st.builds(lambda properties: of(True, **properties), st.dictionaries(NAMES, inner, max_size=3)),
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(
            lambda key, branches: {key: branches},
            st.sampled_from(["anyOf", "oneOf"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(
            lambda node, wishes: node | wishes,
            inner,
            st.fixed_dictionaries(
                {},
                optional={
                    "default": st.sampled_from([None, 1, "x", [], {}, 1e400]),
                    "minLength": st.integers(0, 9) | st.just("no"),
                    "maximum": st.integers(0, 50),
                    "maxItems": st.integers(0, 2),
                    "format": st.sampled_from(["date", "odd", 7]),
                    "pattern": st.just("("),
                    "description": st.text(max_size=9) | st.integers(),
                },
            ),
        ),
    )


SCHEMAS = st.builds(
    lambda required, properties: of(required, **properties),
    st.booleans(),
    st.dictionaries(NAMES, st.recursive(LEAVES, _above, max_leaves=6), max_size=5),
)
KNOWN = facts(*ALICE)


@settings(deadline=None)
@given(SCHEMAS, st.booleans())
def test_an_accepted_schema_gives_valid_json_or_no_answer(schema: dict[str, Any], knows: bool) -> None:
    check(schema)
    normal = resolved(schema)
    asked = parse_question("What about alice?", ["alice", "bob"], "alice", "alice")
    candidates = statements(
        question("What about alice?"), asked, KNOWN if knows else [], snippet(*TALK) if knows else []
    )
    text = structured_answers.filled(normal, asked, candidates, None, "alice lives in Lisbon." if knows else None)
    assert text == "" or Draft202012Validator(enforced(normal)).is_valid(json.loads(text))
