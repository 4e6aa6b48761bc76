"""Text of other languages, read word by word in English."""

from __future__ import annotations

import re

import pytest

from omoide.inference.glosses import in_english, in_english_but, language_among, language_of


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
        ("Dove abita adesso la sorella di Marco?", "it"),
        ("mi sono rotta il polso in montagna", "it"),
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
        ("Depuis trois jours j'ai mal aux pieds, je veux vendre mes skis", "three day pain foot want sell"),
        ("¿Puedes decirme adónde fuiste?", "can say where was"),
        ("A minha filha nasceu em março", "my daughter born in march"),
        ("Che lavoro fa tua sorella?", "what work do your sister"),
        ("L'estate scorsa ci siamo trasferiti dall'altra parte della città", "summer last move other city"),
        ("Mangio troppi gelati, dormivo meglio d'inverno", "eat too much ice cream sleep better winter"),
    ],
)
def test_reads_everyday_words_in_any_inflection(text: str, words: str) -> None:
    read = re.findall(r"\w+", in_english(text))
    assert [word for word in words.split() if word not in read] == []


@pytest.mark.parametrize(
    ("text", "language"),
    [("Lenas Beruf?", "de"), ("Wo wohnt Lena?", "de"), ("Where does Lena live?", "en"), ("¿Dónde vive Lena?", "es")],
)
def test_words_of_no_language_are_in_that_of_the_texts_around(text: str, language: str) -> None:
    assert language_among(text, ["Ich habe heute keine Zeit", "Kommt ihr morgen mit ins Kino?", "ok"]) == language


def test_a_text_of_two_languages_is_in_that_of_the_texts_around() -> None:
    assert language_among("Quando parte Matteo?", ["mia sorella lavora in banca"]) == "it"


@pytest.mark.parametrize(
    "text", ["I love the rain in the autumn.", "Die hard fan, no less!", "猫が好き", "Пошли домой"]
)
def test_leaves_english_and_unknown_languages_as_they_are(text: str) -> None:
    assert in_english(text) == text


def test_leaves_names_as_they_are_and_shows_their_genitive() -> None:
    assert in_english_but("Wann hat Mais Mutter Geburtstag?", {"mai"}) == "when have Mai's mother birthday?"
    assert in_english("¿Dónde vive Paris ahora?") == "¿where live Paris now?"
