"""What an answer says around its quotations is in the language of the question."""

from __future__ import annotations

import pytest

from omoide.reasoner.extractive.frames import LANGUAGES, frames_of, is_nothing_known, language_of
from tests.reasoner.extractive.answering import check, compose, question, snippet

QUESTIONS = [
    ("en", "Where does alice live?"),
    ("en", "hello"),
    ("en", "Why did Maren die?"),
    ("en", "WHAT'S THE WIFI PASSWORD"),
    ("es", "¿Dónde vive Ana?"),
    ("es", "donde vive ana"),
    ("es", "Cuántos hermanos tiene Luis"),
    ("de", "Wo wohnt Anna?"),
    ("de", "Wie heißt ihr Hund?"),
    ("fr", "Où habite Anna ?"),
    ("fr", "Comment s’appelle son chien ?"),
    ("pt", "Onde mora a Ana?"),
    ("pt", "Qual é o nome do cachorro dela?"),
    ("it", "Dove abita Anna?"),
    ("it", "Come si chiama il suo cane?"),
    ("zh", "她住在哪里？"),
    ("ja", "アナはどこに住んでいますか"),
]


@pytest.mark.parametrize(("language", "query"), QUESTIONS)
def test_the_language_of_a_question_is_recognized(language: str, query: str) -> None:
    assert language_of(query) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_all_frames(language: str) -> None:
    frames = frames_of(language)
    said = frames.fill("said", who="ana", day="2026-01-05", text="{who} is {day}")
    check(said, ["ana", "2026-01-05", "{who} is {day}"], [])
    for name in ("asked", "earlier", "earlier_until"):
        check(frames.fill(name, question="?", day="2026-01-06", said=said), [said], ["{said}"])
    for name in ("concluded", "card"):
        check(frames.fill(name, text="x", who="ana", day="2026-01-05"), ["ana"], ["{"])
    for about in ((), ("ana",), ("ana", "bob")):
        assert is_nothing_known(frames.nothing_known(about))
    assert not is_nothing_known(said)


def test_an_answer_is_in_the_language_of_the_question() -> None:
    found = snippet(("ana", "Vivo en Lisboa desde marzo y trabajo en una panadería."))
    assert compose(question("¿Dónde vive ana?", "ana", "ana"), [], found).startswith("ana dijo el 2026-01-05:")
    assert compose(question("Wie heißt der Hund von ana?", "ana", "ana"), [], []).startswith("Dazu habe ich keine")


def test_a_question_without_words_of_a_language_is_answered_in_the_conversations() -> None:
    found = snippet(("ana", "Ich bin von Beruf Tischlerin und wohne in Kiel."))
    assert compose(question("Hobbys?", "ana", "ana"), [], found).startswith("Dazu habe ich keine Information")
