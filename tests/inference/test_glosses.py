"""Text of other languages, read word by word in English."""

from __future__ import annotations

import re

import pytest

from omoide.inference.glosses import in_english, in_english_but, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where does Lena work, and since when?", "en"),
        ("noted, no pies, no mud", "en"),
        ("Das war in der Woche vor dem Umzug", "de"),
        ("¿Cuándo se mudó Ana a Sevilla?", "es"),
        ("Depuis quand est-ce qu'elle habite à Lyon ?", "fr"),
        ("Onde é que o João trabalha agora?", "pt"),
        ("Qual é o nome do cachorro do Júnior?", "pt"),
        ("Welche Schulfächer hat Heidrun gelehrt?", "de"),
        ("bob bought a hat", "en"),
        ("couch", "en"),
        ("今天天气很好", "en"),
        ("", "en"),
    ],
)
def test_tells_the_language_by_the_words_of_a_text(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Wo arbeitet Lena seit dem Umzug?", "where work Lena since move"),
        ("Ich habe gestern den Zahnarzttermin abgesagt", "I have yesterday dentist appointment"),
        ("Unser Hund schläft auf dem Sofa", "our dog sleep on sofa"),
        ("Mi hermana trabajaba en un hospital", "my sister work in a hospital"),
        ("J'ai acheté une maison près de la mer", "I have buy a home near sea"),
        ("A minha filha nasceu em março", "my daughter born in march"),
    ],
)
def test_reads_everyday_words_in_any_inflection(text: str, words: str) -> None:
    read = re.findall(r"\w+", in_english(text))
    assert [word for word in words.split() if word not in read] == []


@pytest.mark.parametrize(
    "text", ["I love the rain in the autumn.", "Die hard fan, no less!", "猫が好き", "Пошли домой"]
)
def test_leaves_english_and_unknown_languages_as_they_are(text: str) -> None:
    assert in_english(text) == text


def test_leaves_names_as_they_are_and_shows_their_genitive() -> None:
    assert in_english_but("Wann hat Mais Mutter Geburtstag?", {"mai"}) == "when have Mai's mother birthday?"
    assert in_english("¿Dónde vive Paris ahora?") == "¿where live Paris now?"
