"""The output of a derive request: its JSON schema, and a lenient parser, since models differ in what they can fill in.

What is missing or cannot be read in the optional fields counts as not said.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from omoide.reasoner.agentic.structured_output import OutputForm, list_under

MOST_FACTS = 100
MOST_REFERENCES = 8
"""Maximum facts per batch and references per fact. Without a limit, a small model with a schema may never stop."""
MOST_READ = 10
"""Multiple of these limits that is read of an output without a schema, which may contain repetitions and non-facts."""


class Statement(BaseModel):
    model_config = ConfigDict(extra="ignore")

    content: str
    message_ids: list[int] = Field(default_factory=list)
    replaces: list[int] = Field(default_factory=list)
    corrects: list[int] = Field(default_factory=list)
    repeats: list[int] = Field(default_factory=list)
    since: str = ""
    until: str = ""

    @field_validator("content", mode="before")
    @classmethod
    def _nothing_is_blank(cls, given: Any) -> Any:
        return "" if given is None else given

    @field_validator("message_ids", "replaces", "corrects", "repeats", mode="before")
    @classmethod
    def _numbers_only(cls, given: Any) -> list[int]:
        """Drop references that are not numbers, instead of rejecting the fact."""
        listed = given if isinstance(given, list) else [given]
        texts = (str(each).strip().strip("[]#") for each in listed[: MOST_READ * MOST_REFERENCES])
        return [int(each) for each in texts if each.isascii() and each.isdigit() and len(each) < 10]

    @field_validator("since", "until", mode="before")
    @classmethod
    def _text_only(cls, given: Any) -> str:
        return str(given).strip() if isinstance(given, str | int) else ""


class Statements(BaseModel):
    """Lenient parser of the model's output."""

    model_config = ConfigDict(extra="ignore")

    facts: list[Statement]

    @model_validator(mode="before")
    @classmethod
    def _list_is_enough(cls, given: Any) -> Any:
        return list_under("facts", given, lambda each: isinstance(each, dict) and "content" in each)

    @field_validator("facts", mode="before")
    @classmethod
    def _null_is_none(cls, given: Any) -> Any:
        """Treat null as no facts, and a string as a fact without references; drop other values."""
        if not isinstance(given, list):
            return [] if given is None else given
        read = given[: MOST_READ * MOST_FACTS]
        entries = ({"content": each} if isinstance(each, str) else each for each in read)
        return [each for each in entries if isinstance(each, dict) and "content" in each]


def _numbers(description: str) -> dict[str, Any]:
    items = {"type": "integer"}
    return {"type": "array", "items": items, "maxItems": MOST_REFERENCES, "description": description}


def _date(description: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": description}


SCHEMA = {
    "type": "object",
    "properties": {
        "facts": {
            "type": "array",
            "maxItems": MOST_FACTS,
            "items": {
                "type": "object",
                "properties": {
                    "content": {"type": "string"},
                    "message_ids": _numbers("Messages that say so."),
                    "repeats": _numbers("Known lines that say the same."),
                    "replaces": _numbers("Known lines that it ends."),
                    "corrects": _numbers("Known lines that were never true."),
                    "since": _date("As 2024-05-01, 2024-05 or 2024."),
                    "until": _date("The last day, likewise."),
                },
                "required": ["content", "message_ids"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["facts"],
    "additionalProperties": False,
}
FORM = OutputForm("facts", SCHEMA, Statements.model_validate, lambda each: not each.facts)
