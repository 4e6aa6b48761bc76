"""Thoughts in a text are told from the answer in whatever form models write them, in pieces of any size."""

from __future__ import annotations

import pytest

from omoide.reasoner.agentic.thoughts import ThoughtFilter, without_thoughts

ANSWER = "Alice lives in Porto."
THOUGHTS = [
    f"<thinking>hm</thinking>\n{ANSWER}",
    f"<Thought>hm</Thought>\n{ANSWER}",
    f"<reflexion>hm</reflexion>\n{ANSWER}",
    f"<ds_think>hm</ds_think>\n{ANSWER}",
    f"<mm:think>hm</mm:think>{ANSWER}",
    f"<longcat_think>hm</longcat_think>{ANSWER}",
    f'<think type="deep">hm</think>{ANSWER}',
    f"< think >hm< / think >{ANSWER}",
    f"hm, she moved\n</thinking>\n\n{ANSWER}",
    f"hm</seed:think>{ANSWER}",
    f"<internal_monologue>hm</internal_monologue>{ANSWER}",
    f"<inner_thoughts>hm</inner_thoughts>{ANSWER}",
    f"<reasoning_content>hm</reasoning_content>{ANSWER}",
    f"<REASONING>hm</REASONING>\n<ANSWER>{ANSWER}</ANSWER>",
    f"<thinking>\nhm\n</thinking>\n<response>\n{ANSWER}\n</response>",
    f"Thinking...\nhm, she moved\n...done thinking.\n\n{ANSWER}",
    f"<|begin_of_thought|>hm<|end_of_thought|>\n<|begin_of_solution|>{ANSWER}<|end_of_solution|>",
    f"<|inner_prefix|>hm<|inner_suffix|>{ANSWER}",
    f"[Thinking]hm[/Thinking]{ANSWER}",
    f"◁think▷hm◁/think▷{ANSWER}",
    f"analysisThe user asks where.assistantfinal{ANSWER}",
    f"### Thinking\nhm\n\n### Answer\n{ANSWER}",
    f"**Reasoning**\nhm\n\n**Final Answer**\n{ANSWER}",
    f"**Thinking:** hm\n\n**Answer:** {ANSWER}",
    f"```thinking\nhm\n```\n{ANSWER}",
    f'<details type="reasoning" done="true">\n<summary>Thought for 3 s</summary>\nhm</details>\n{ANSWER}',
    f"&lt;think&gt;hm&lt;/think&gt;{ANSWER}",
]
ANSWERS = [
    "### Thinking about Lisbon\nShe likes it.",
    "**Reasoning** is her hobby.",
    "**Thinking:** it is what she likes.",
    "**Answer:** Porto",
    "# Trips\n- Lisbon",
    "Analysis: she moved.",
    "analysis",
    "```json\n{}\n```",
    "<details><summary>Trips</summary>Lisbon</details>",
    "She thinks that </answer> is a tag.",
    "Thinking... is what she does.",
]


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize("text", THOUGHTS)
def test_thoughts_are_no_part_of_the_answer(text: str, size: int) -> None:
    assert without_thoughts(text) == ANSWER
    assert _in_pieces(text, size).strip() == ANSWER


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize("text", ANSWERS)
def test_what_only_resembles_thoughts_is_kept(text: str, size: int) -> None:
    assert without_thoughts(text) == text
    assert _in_pieces(text, size) == text


def _in_pieces(text: str, size: int) -> str:
    thoughts = ThoughtFilter(holds=True)
    said = [thoughts.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join(said) + thoughts.end()
