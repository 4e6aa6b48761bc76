"""What a run has done so far: one line of JSON for each step, so that an interrupted run continues where it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STATE = "run.jsonl"


class OtherRun(Exception):
    """The folder has a run with other options. The message names the first one that differs."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and whether it is right by words and by the judge (None: not graded, or no clear verdict)."""

    id: str
    text: str
    seconds: float
    by_words: bool
    by_judge: bool | None = None
    error: str = ""
    """Why there is no answer."""


class State:
    """The steps of the run in a folder, which is created if it is missing."""

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        """Raises OtherRun if the run in the folder has other options."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / STATE
        self.ingested: dict[str, float] = {}
        """Conversation → seconds that it took."""
        self.answered: dict[str, Answered] = {}
        self.judged = dict.fromkeys(("calls", "input_tokens", "output_tokens"), 0)
        """What the judge used."""
        lines = self._lines()
        if not lines:
            self._add({"options": options})
        elif (before := lines[0].get("options")) != options:
            names = [name for name in options if not isinstance(before, dict) or before.get(name) != options[name]]
            raise OtherRun(f"{folder} has a run with another {', '.join(names) or 'set of options'}")
        for line in lines[1:]:
            self._read(line)

    def has_answer(self, id: str) -> bool:
        """Whether a question was answered; one that met an error is asked again."""
        return id in self.answered and not self.answered[id].error

    def add_conversation(self, name: str, seconds: float) -> None:
        """Record that everything is learned from a conversation."""
        self.ingested[name] = seconds
        self._add({"ingested": name, "seconds": seconds})

    def add_answer(self, answered: Answered) -> None:
        """Record an answer, or its grade."""
        self.answered[answered.id] = answered
        self._add({"answered": asdict(answered)})

    def add_judged(self, used: Mapping[str, int]) -> None:
        """Record what the judge used."""
        for name in self.judged:
            self.judged[name] += used[name]
        self._add({"judged": {name: used[name] for name in self.judged}})

    def _read(self, line: Mapping[str, Any]) -> None:
        if "ingested" in line:
            self.ingested[line["ingested"]] = line["seconds"]
        elif "answered" in line:
            answered = Answered(**line["answered"])
            self.answered[answered.id] = answered
        elif "judged" in line:
            for name in self.judged:
                self.judged[name] += line["judged"][name]

    def _lines(self) -> list[Any]:
        """The complete lines; a last one that was cut is dropped."""
        if not self._path.exists():
            return []
        text = self._path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self._path.write_text(whole, encoding="utf-8")
        return [json.loads(line) for line in whole.splitlines()]

    def _add(self, line: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
