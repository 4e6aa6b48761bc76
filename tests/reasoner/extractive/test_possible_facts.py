"""Which sentences become conclusions, with which context."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omoide.core.clock import HOUR, to_micros
from omoide.core.records import Message
from omoide.inference.bge_embedder import BgeEmbedder
from omoide.inference.onnx_model import unavailable_reason
from omoide.reasoner.extractive.assistants import is_assistant_id, talks_like_an_assistant
from omoide.reasoner.extractive.derive import derive
from omoide.reasoner.extractive.leaning import Lean, leaning
from omoide.reasoner.extractive.machine_text import is_machine_line
from omoide.reasoner.extractive.selection_model import SelectionModel
from omoide.reasoner.protocol import Batch

SUNDAY = to_micros(datetime(2026, 11, 22, 10, tzinfo=UTC))
ASSISTANTS = ("assistant", "bot", "ai")


def said(*turns: str | tuple[str, str], peer_id: str = "mel", model: SelectionModel | None = None) -> list[str]:
    """What is derived about the peer, who says the turns without a name."""
    named = [(peer_id, turn) if isinstance(turn, str) else turn for turn in turns]
    messages = [
        Message(f"m{at}", "s", "w", who, text, {}, 0, SUNDAY + at * HOUR) for at, (who, text) in enumerate(named)
    ]
    return [fact.content for fact in derive(Batch("w", "s", peer_id, messages), model, ASSISTANTS)]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (
            ["My mother moved last year. Last Sunday, I visited her old house in Kent."],
            [
                "mel's mother moved last year (2025)",
                'mel said: "My mother moved last year. Last Sunday, I visited her old house in Kent."'
                " (last year: 2025; Last Sunday: 2026-11-15)",
            ],
        ),
        (["Last Sunday, I visited her old house in Kent."], []),
        (
            [("bob", "Where do you live these days?"), "In Lisbon, near the river."],
            ['mel said: "In Lisbon, near the river." (in reply to "Where do you live these days?")'],
        ),
        (
            ["my brother works for the navy", ("bob", "whoa, since when?"), "he ships out to Japan in october"],
            [
                "mel's brother works for the navy",
                'mel said: "my brother works for the navy … he ships out to Japan in october"',
            ],
        ),
        (["he ships out to Japan in october"], []),
        (
            ["I had a setback. I broke my wrist in October."],
            ['mel said: "I had a setback. I broke my wrist in October."', "mel broke mel's wrist in October"],
        ),
    ],
)
def test_a_sentence_that_means_nothing_alone_is_quoted_with_its_context(turns: list[str], expected: list[str]) -> None:
    assert said(*turns) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Yeah, I love to.",
        "i think",
        "that i guess",
        "I'd love to!",
        "I moved to",
        "it feels so good",
        "That was fun! We laughed a lot.",
        "1. Change of plan 2. Airline cancelled flight 3. Other reasons",
        "Please choose:\n1. Change of plan\n2. Airline cancelled flight\n3. Other reasons",
        "The options are: 1. Refund 2. Rebooking",
        "What a day!",
        "¡Qué bien! Gracias por todo, de verdad. Eso me parece bien.",
        "Das klingt super! Wir sehen uns morgen.",
        "Das habe ich dir doch gestern schon gesagt.",
        "No me digas que otra vez se quedó dormido en el sofá.",
        "I'm not saying another word.",
        "I still can't believe it.",
        "I don't see why it can't go behind the firehouse.",
        "Never underestimate an accountant with free mornings.",
        "omg, i cant even",
        "I'd rather eat my hat.",
        "太好了，恭喜你！哈哈哈哈，真的假的",
        "2026-11-30 14:00:01 INFO started the worker\n1521: self.key_field = name\n$ pip install numpy",
        '```python\nmy_dog = "Rex"\n```',
    ],
)
def test_small_talk_lists_and_fragments_give_nothing(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I love reading, could you recommend something?", ["mel loves reading"]),
        ("Since I'm vegetarian, what should I cook tonight?", ["mel is vegetarian"]),
        ("What can I cook because my wife is coeliac?", ["mel's wife is coeliac"]),
        ("We're moving to Oslo in June, do you know a good mover?", ['mel said: "We\'re moving to Oslo in June."']),
        ("I need a hotel, can you find one?", []),
        ("I'm wondering, can you help?", []),
    ],
)
def test_what_a_question_says_in_passing_is_kept(text: str, expected: list[str]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I run a dance studio.",
        "I can't have dairy.",
        "I have two kids, Emma and Jake.",
        "I'm based in Berlin.",
        "I've got a golden retriever named Max.",
        "I started a new job as a financial analyst last week.",
        "My husband and I have been married for 5 years.",
        "Please keep your answers short.",
        "i got laid off on friday, whole team gone",
        "Vivo en Sevilla con mi novia.",
        "Meine Tochter heißt Mia und geht in die dritte Klasse.",
        "我住在上海，在一家医院工作。",
        "J'habite à Lyon avec mon mari.",
    ],
)
def test_plain_facts_are_kept_by_rules_alone(text: str) -> None:
    assert len(said(text)) == 1


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (["I failed."], []),
        (["I was promoted."], ["mel was promoted"]),
        (["I hate olives."], ["mel hates olives"]),
        (
            ["I have a lot of old toys and I'll give them away."],
            ["mel has a lot of old toys and mel will give them away"],
        ),
        (["To see whether I work."], ['mel said: "To see whether I work."']),
        (["My condolences to Njeri."], []),
        (
            ["My grandmother's green silk, the one from Paithan with the peacocks."],
            ['mel said: "My grandmother\'s green silk, the one from Paithan with the peacocks."'],
        ),
        (["My visa came through btw!"], ["mel's visa came through"]),
        (["Ines does, she has the keys since monday."], []),
        (
            [("bob", "Who covers releases?"), "Ines does, she has the keys since monday."],
            ['mel said: "Ines does, she has the keys since monday." (in reply to "Who covers releases?")'],
        ),
    ],
)
def test_what_is_too_short_or_leans_is_told_with_what_it_answers(turns: list[str], expected: list[str]) -> None:
    assert said(*turns) == expected


@pytest.mark.parametrize(
    ("sentence", "is_person"),
    [
        ("I play in a band with three dentists, so she's the musician.", True),
        ("Lachie's terrified of her, he's begun to run.", True),
        ("My dad called, she is fine.", True),
        ("My mum called, she is fine.", False),
        ("Tom brought his dog with him.", False),
        ("Ana sold her car.", False),
        ("My sister said the doctor gave her a plaster.", False),
        ("I paid the rise from the first of July, I knew she would say yes.", True),
        ("I learn Italian, so I know what she calls me.", True),
        ("My daughter-in-law is a surveyor, she is in Salem.", False),
    ],
)
def test_he_and_she_mean_somebody_who_may_be_meant(sentence: str, is_person: bool) -> None:
    assert (leaning(sentence) is Lean.PERSON) == is_person


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([("bob", "A letter from a bank outweighs one from a professor."), "She signed my contract on Monday."], []),
        ([("bob", "Item two, the survey."), "She came on Saturday with a map."], []),
        ([("bob", "Did that happen in spring?"), "In January, in Leeds."], []),
        (["There were two people at the door. She sells pianos in Leeds."], []),
    ],
)
def test_nobody_is_taken_for_whom_a_pronoun_does_not_mean(turns: list[str], expected: list[str]) -> None:
    assert [each for each in said(*turns) if "She" in each or "in reply" in each] == expected


def test_what_is_said_after_a_long_pause_neither_continues_nor_answers() -> None:
    times = (0, 9 * HOUR)
    for before, after in (
        (("mel", "My sister is a vet."), "She has"),
        (("bob", "Where do you live?"), "In Porto, near"),
    ):
        told = [before, ("mel", f"{after} a farm in Kent.")]
        messages = [
            Message(f"m{at}", "s", "w", who, text, {}, 0, SUNDAY + times[at]) for at, (who, text) in enumerate(told)
        ]
        contents = [fact.content for fact in derive(Batch("w", "s", "mel", messages), None, ASSISTANTS)]
        assert not any(after in each for each in contents)


@pytest.mark.parametrize(
    "text", ["I died at 17k, my brother paid for the race in Oslo.", "I've had a heart attack for 40 seconds."]
)
def test_what_the_living_say_of_their_death_is_quoted(text: str) -> None:
    assert all(each.startswith("mel said: ") for each in said(text))


def test_a_name_that_is_the_id_is_told_as_the_name() -> None:
    assert said("Hello, I'm Gary.", peer_id="gary") == ["gary's name is Gary"]


@pytest.mark.parametrize(
    "contents",
    [
        ["As an AI, I live on a server, and I have no dog."],
        [
            "Hello! How can I help you today?",
            "I have updated your booking. Is there anything else I can help you with?",
        ],
        ["Here are some ideas:\n- I love hiking\n- Rent a car\n- See Kyoto\n\nLet me know if you'd like more details!"],
        ["Collecting numpy\nInstalling collected packages: numpy\nSuccessfully installed numpy-2.1"],
    ],
)
def test_talk_of_assistants_and_tools_gives_nothing(contents: list[str]) -> None:
    assert talks_like_an_assistant(contents)
    assert said(*contents) == []


@pytest.mark.parametrize(
    "contents",
    [
        ["I moved to Porto with my wife.", "Let me know if you want to visit!"],
        ["My hobbies:\n- I paint\n- I climb\n- I bake"],
        ["How are you?", "I got the job!"],
        ['I maintain the parser crate, and I get this:\nTraceback (most recent call last):\n  File "a.py", line 3'],
    ],
)
def test_people_are_not_taken_for_assistants(contents: list[str]) -> None:
    assert not talks_like_an_assistant(contents)


def test_ids_of_assistants_have_one_of_the_words() -> None:
    taken = ["assistant", "Support-Bot", "ai_tutor", "travelAssistant", "bot2"]
    others = ["abbot", "aiko", "mai", "alice", "bottega", "robotnik"]
    assert [each for each in [*taken, *others] if is_assistant_id(each, ASSISTANTS)] == taken
    assert said("I live in Lisbon with my dog.", peer_id="support-bot") == []


@pytest.mark.parametrize(
    "line",
    [
        "I use snake_case names",
        "10:30 works for me",
        "$500 is what I paid",
        "from now on I live in Rome",
        "Collecting stamps is fun",
    ],
)
def test_what_people_write_is_no_machine_text(line: str) -> None:
    assert not is_machine_line(line)


@pytest.mark.skipif(unavailable_reason() is not None, reason="onnxruntime is not installed")
def test_with_vectors_facts_are_told_from_moments() -> None:
    embedder = BgeEmbedder()
    model = SelectionModel(embedder.name, embedder.embed_now)
    facts = ["My sister's a vet and has two sons.", "My neighbour is a retired judge.", "The baby is due in April."]
    moments = ["I'm standing in front of the shop.", "The queue was endless.", "I nodded as if I understood."]
    kept = said(*(turn for each in [*facts, *moments] for turn in (each, ("bob", "My sister laughed."))), model=model)
    assert all(any(word in content for content in kept) for word in ("vet", "judge", "April"))
    assert not [each for each in moments if any(each in content for content in kept)]
