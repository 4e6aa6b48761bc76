"""Recognition of sentences that state something."""

from __future__ import annotations

import pytest

from omoide.reasoner.extractive.smalltalk import without_opening
from omoide.reasoner.extractive.statements import states_something

NOTHING = [
    "No worries at all.",
    "I hope you are well.",
    "That is great news!",
    "Nice to hear that.",
    "I am happy to help.",
    "I'm glad you liked it.",
    "You are right.",
    "I see what you mean.",
    # questions
    "Do you like jazz?",
    "You like jazz? 😀",
    "My dog is Rex?",
    "Really?!",
    "You live in Rome, right",
    "It's cold, isn't it",
    "You live in Rome, don't you?",
    "¿Vives en Lisboa?",
    "你喜欢爵士乐吗？",
    "你喜欢爵士乐吗",
    "お元気ですか",
    "هل تعيش في لشبونة؟",
    "what is my dog's name",
    "how do I fix this",
    "can you help me",
    "do you know my name",
    "I was wondering how it works",
    # greetings, thanks, assent
    "Hello!",
    "Hi there",
    "Hi Bob!",
    "Good morning everyone",
    "Hey 👋",
    "Thanks!",
    "Thanks a lot, Bob!",
    "Thank you so much for your help with my thesis",
    "Have a nice day!",
    "See you tomorrow!",
    "Happy birthday, Anna!",
    "I'm sorry for the delay",
    "Hola, gracias",
    "Merci beaucoup !",
    "Vielen Dank!",
    "ありがとうございます！",
    "谢谢！",
    "감사합니다.",
    "Спасибо большое!",
    "شكرا جزيلا",
    "नमस्ते",
    "สวัสดีครับ",
    "ok",
    "Sure, sounds good!",
    "Yes.",
    "No, thanks.",
    "wow",
    "Haha nice",
    "Never mind",
    # requests
    "Please send me the file",
    "Show me my notes",
    "Tell me a joke",
    "Let me know when you're done",
    "Let's go to the beach",
    "Don't worry about the noise",
    "Write a poem about my dog",
    "Could you please check it",
    "I want you to write a poem",
    "I'd like you to help me",
    "You should try sushi",
    "A coffee, please",
    "Make me a sandwich",
    "Call me back later",
    "Call me a taxi",
    "Book a table for tomorrow",
    # fragments, and sentences that depend on another one
    "Lisbon",
    "The red one",
    "My dog",
    "I love it!",
    "I don't know",
    "I think so too",
    "I do.",
    "It's great.",
    "That sounds good.",
    "Here is the code:",
    "はい",
    # not prose of the speaker
    "https://example.org/a?b=1",
    "see https://example.org",
    "👍👍👍",
    "...",
    "123",
    '"To be or not to be, that is the question."',
    "x = {a: 1; b: 2};",
]

SOMETHING = [
    "I live in Lisbon",
    "I smoke",
    "Yes, I live in Lisbon",
    "Rex is a beagle.",
    "The deadline is Friday",
    "Call quality is poor here",
    "Book club meets on Fridays",
    "Trust is important to me",
    "Type 2 diabetes runs in my family",
    "When I was a child I lived in Rome",
    "Thanks to my mother I speak French",
    'He asked me "why?" yesterday.',
    "It's my birthday today",
    "Name: Alice Jones",
    "Age: 34",
    "My allergies: - peanuts - shellfish",
    "I work on https://example.org/?q=1",
    "Vivo en Lisboa.",
    "J'aime Paris",
    "Ich schwimme",
    "Я живу в Москве.",
    "أعيش في القاهرة.",
    "मैं दिल्ली में रहता हूँ।",
    "私は東京に住んでいます。",
    "我住在北京",
    "ฉันอยู่กรุงเทพ",
    "나는 서울에 산다",
]

STANDING = [
    "call me Al",
    "Call me Al, please",
    "You can call me Al",
    "Don't call me Alfred",
    "Never call me Alfred",
    "please always answer in French",
    "Please answer in German.",
    "From now on, keep your answers short",
    "Keep your answers short.",
    "Don't use emojis.",
    "Please don't ever mention my ex",
    "You must never use my real name",
    "Always call me at work",
    "Remember that I'm allergic to nuts",
]


@pytest.mark.parametrize("sentence", NOTHING)
def test_questions_requests_and_small_talk_state_nothing(sentence: str) -> None:
    assert not states_something(sentence)


@pytest.mark.parametrize("sentence", SOMETHING)
def test_declarative_sentences_are_statements(sentence: str) -> None:
    assert states_something(sentence)


@pytest.mark.parametrize("sentence", STANDING)
def test_a_standing_instruction_is_a_statement(sentence: str) -> None:
    assert states_something(sentence)


@pytest.mark.parametrize(
    ("sentence", "rest"),
    [
        ("Yes, well, I do", "I do"),
        ("Hi Bob, I'm Alice.", "I'm Alice."),
        ("Hello I'm Alice", "I'm Alice"),
        ("But I like tea", "I like tea"),
        ("No one knows", "No one knows"),
        ("Well water is cold", "Well water is cold"),
    ],
)
def test_an_opening_is_stripped(sentence: str, rest: str) -> None:
    assert without_opening(sentence) == rest
