"""Put the questions to a real server over HTTP, one after another, and to plain word search."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import httpx

from benchmarks.answers.dataset import Label, LabelledQuestion
from benchmarks.answers.scoring import Reply, is_nothing_known
from benchmarks.recall import lexical
from benchmarks.recall.dataset import RecallTurn
from benchmarks.servers import ServerProcess, omoide

POLL_SECONDS = 0.2
REQUEST_SECONDS = 120.0
BATCH = 100
SEARCHED = 10


class AnswersBench:
    """A server with one workspace for each conversation."""

    def __init__(self, folder: Path, conversations: Mapping[str, Sequence[RecallTurn]], **settings: str) -> None:
        self._server: ServerProcess = omoide(folder, debounce_seconds="0", model_debounce_seconds="0", **settings)
        host, port = self._server.address
        self._metrics = f"http://{host}:{port}/metrics"
        self._http = httpx.Client(base_url=f"http://{host}:{port}/v3/workspaces", timeout=REQUEST_SECONDS)
        self.turns: dict[str, str] = {}
        """Message id → turn."""
        self.conversations = conversations

    def __enter__(self) -> AnswersBench:
        self._server.__enter__()
        for name, turns in self.conversations.items():
            self._ingest(name, turns)
        for name in self.conversations:
            self._wait(name)
        while self._unembedded():
            time.sleep(POLL_SECONDS)
        return self

    def __exit__(self, *error: Any) -> None:
        self._http.close()
        self._server.__exit__(*error)

    def ask(self, question: LabelledQuestion, level: str) -> Reply:
        """Ask the memory of the peer that the question is about."""
        body = {"query": question.question, "reasoning_level": level, "include_evidence": True}
        begun = time.perf_counter()
        found = self._ok("POST", f"{question.conversation}/peers/{question.peer}/chat", body)
        seconds = time.perf_counter() - begun
        text = found["content"] or ""
        read = found["evidence"]["conclusions"]
        turns = [frozenset(self.turns[id] for id in each["message_ids"] if id in self.turns) for each in read]
        contents = [each["content"] for each in read]
        return Reply(text, [*zip(contents, turns, strict=True)], seconds, is_nothing_known(text))

    def search(self, question: LabelledQuestion, *, rerank: bool) -> list[str]:
        """The turns that a search of the workspace finds, best first."""
        body = {"query": question.question, "limit": SEARCHED} | ({"rerank": True} if rerank else {})
        return [self.turns[each["id"]] for each in self._ok("POST", f"{question.conversation}/search", body)]

    def recall(self, name: str, query: str, max_tokens: int) -> set[str]:
        """The turns in the text of a recall, also as conclusions."""
        found = self._ok("POST", f"{name}/recall", {"query": query, "max_tokens": max_tokens})
        ids = {each["id"] for each in found["messages"]}
        ids.update(id for each in found["conclusions"] for id in each["message_ids"])
        return {self.turns[id] for id in ids if id in self.turns}

    def conclusions(self, name: str) -> Iterator[tuple[str, frozenset[str]]]:
        """All conclusions of the workspace: content, and the turns behind it."""
        page = pages = 1
        while page <= pages:
            found = self._ok("POST", f"{name}/conclusions/list?size=100&page={page}", {})
            page, pages = page + 1, found["pages"]
            for each in found["items"]:
                yield each["content"], frozenset(self.turns[id] for id in each["message_ids"] if id in self.turns)

    def _ingest(self, name: str, turns: Sequence[RecallTurn]) -> None:
        for session in dict.fromkeys(turn.session for turn in turns):
            said = [turn for turn in turns if turn.session == session]
            self._ok("POST", f"{name}/sessions", {"id": session, "peers": {turn.peer: {} for turn in said}})
            for start in range(0, len(said), BATCH):
                some = said[start : start + BATCH]
                messages = [
                    {"peer_id": turn.peer, "content": turn.content, "created_at": turn.created_at} for turn in some
                ]
                stored = self._ok("POST", f"{name}/sessions/{session}/messages", {"messages": messages})
                self.turns |= {each["id"]: turn.id for each, turn in zip(stored, some, strict=True)}

    def _wait(self, name: str) -> None:
        while True:
            status = self._ok("GET", f"{name}/queue/status")
            if not status["pending_work_units"] and not status["in_progress_work_units"]:
                return
            time.sleep(POLL_SECONDS)

    def _unembedded(self) -> bool:
        """Whether there are texts without a vector, which are found by words only."""
        metrics = self._http.get(self._metrics).raise_for_status().text
        counted = re.search(r"^omoide_unembedded_texts (\S+)$", metrics, re.MULTILINE)
        return counted is not None and float(counted[1]) > 0

    def _ok(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path if path else "", json=body)
        response.raise_for_status()
        return response.json() if response.content else None


def by_words(conversations: Mapping[str, Sequence[RecallTurn]], asked: Sequence[LabelledQuestion]) -> list[Reply]:
    """The best turn by bm25 as the answer to each question."""
    replies = []
    for question in asked:
        turns = conversations[question.conversation]
        table = lexical.index(turns)
        found = lexical.search(table, question.question, 1)
        table.close()
        text = next((turn.content for turn in turns if found and turn.id == found[0]), "")
        replies.append(Reply(text, is_unknown=not text))
    return replies


def by_server(bench: AnswersBench, asked: Sequence[LabelledQuestion], level: str) -> list[Reply]:
    """The server's answers, with a progress bar."""
    with click.progressbar(asked, label=level, file=sys.stderr) as questions:
        return [bench.ask(question, level) for question in questions]


def kept_labels(bench: AnswersBench, labels: Sequence[Label]) -> tuple[float, float]:
    """The share of useful sentences among those that became conclusions, and the share of useful ones that did."""
    by_name: dict[str, list[tuple[str, frozenset[str]]]] = {}
    became = []
    for label in labels:
        known = by_name.setdefault(label.conversation, [*bench.conclusions(label.conversation)])
        became.append(any(label.id in ids and _says(content, label.sentence) for content, ids in known))
    concluded = [label.useful for label, is_kept in zip(labels, became, strict=True) if is_kept]
    useful = [is_kept for label, is_kept in zip(labels, became, strict=True) if label.useful]
    return sum(concluded) / max(1, len(concluded)), sum(useful) / max(1, len(useful))


def _says(content: str, sentence: str) -> bool:
    """Whether a conclusion came from the sentence: it has most of its words, or most of its own are in it."""
    a, b = ({*lexical.WORD.findall(text.lower())} for text in (content, sentence))
    return len(a & b) >= 0.6 * min(len(a), len(b))
