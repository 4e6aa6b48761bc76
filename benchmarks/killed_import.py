"""The import of a generated ChatGPT export: its seconds, and what a second run makes of one that was killed.

`python -m benchmarks.killed_import` measures `omoide import --from chatgpt` on a database of its own, then kills
another import (SIGKILL) when half of the messages are stored, repeats it, and compares every message with the export.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that the server uses

from benchmarks.measurements import Figure, held, publish
from benchmarks.table import Bar

MESSAGES, LONGEST = 100_000, 80
"""Messages of the export, and of one of its conversations."""
SECONDS = Bar(60, at_most=True, unit=" s")
NONE = Bar(0, at_most=True)
POLL_SECONDS = 0.002

_WORDS = ("graz", "tea", "vegan", "server", "dog", "budget", "moved", "bought", "likes", "train", "doctor", "plan")

Spoken = list[tuple[str, str]]


def conversations(messages: int) -> Iterator[tuple[str, Spoken]]:
    """Ids of conversations, and what was said in each: role and text. The same on every call."""
    source = random.Random(1)
    total = number = 0
    while total < messages:
        count = min(messages - total, source.randint(4, LONGEST))
        said = []
        for place in range(count):
            role, length = ("assistant", 120) if place % 2 else ("user", 25)
            said.append((role, " ".join([f"{total + place}", *source.choices(_WORDS, k=length)])))
        yield f"c{number:05}", said
        total, number = total + count, number + 1


def write_export(path: Path, messages: int) -> None:
    """Write an export of ChatGPT as `conversations.json`."""
    path.write_text(json.dumps([_conversation(id, said) for id, said in conversations(messages)]), "utf-8")


def _conversation(id: str, said: Spoken) -> dict[str, Any]:
    nodes: dict[str, Any] = {"n0": {"id": "n0", "parent": None, "children": [], "message": None}}
    for number, (role, text) in enumerate(said, 1):
        content = {"content_type": "text", "parts": [text]}
        message = {"author": {"role": role}, "create_time": 1.7e9 + number, "content": content, "recipient": "all"}
        nodes[f"n{number}"] = {"id": f"n{number}", "parent": f"n{number - 1}", "children": [], "message": message}
        nodes[f"n{number - 1}"]["children"].append(f"n{number}")
    return {"title": id, "conversation_id": id, "mapping": nodes, "current_node": f"n{len(said)}"}


def stored(db: Path) -> int:
    """The messages in a database that another process writes; 0 if it does not exist yet."""
    try:
        connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
        try:
            return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return 0


def kill_when(count: int, db: Path, has_ended: Callable[[], bool], kill: Callable[[], object]) -> int:
    """Kill an import once that many messages are stored; returns how many it had stored."""
    while stored(db) < count:
        if has_ended():
            raise RuntimeError("the import ended before it was killed")
        time.sleep(POLL_SECONDS)
    kill()
    return stored(db)


def damage(db: Path, messages: int) -> int:
    """The conversations whose messages are not those of the export, in their order."""
    connection = sqlite3.connect(db)
    rows = connection.execute(
        """SELECT s.id, p.id, m.content FROM messages m JOIN sessions s ON s.pk = m.session
           JOIN peers p ON p.pk = m.peer ORDER BY m.session, m.seq"""
    ).fetchall()
    connection.close()
    found: dict[str, Spoken] = {}
    for session, peer, text in rows:
        found.setdefault(session, []).append((peer, text))
    expected = {f"chatgpt-{id}": said for id, said in conversations(messages)}
    return sum(found.get(id) != expected.get(id) for id in {*found, *expected})


def measure(messages: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folder = Path(name)
        export = folder / "conversations.json"
        write_export(export, messages)
        whole, halved = folder / "whole.db", folder / "halved.db"
        seconds = _finished(export, whole)
        process = _started(export, halved)
        before = kill_when(messages // 2, halved, lambda: process.poll() is not None, process.kill)
        if process.wait() != -signal.SIGKILL:
            raise RuntimeError("the import ended before it was killed")
        again = _finished(export, halved)
        label = f"{messages:,} messages"
        figures = [
            held(f"import of {label}", "figure", seconds, "s", SECONDS),
            held("stored when it was killed", "figure", before),
            held("second run", "figure", again, "s"),
            held("stored after the second run", "figure", stored(halved)),
            held("damaged conversations", "figure", damage(whole, messages) + damage(halved, messages), bar=NONE),
        ]
    publish(f"Import of a ChatGPT export of {label}", figures)
    return figures


def _finished(export: Path, db: Path) -> float:
    """Seconds of an import, with the start of the command."""
    begun = time.perf_counter()
    if _started(export, db).wait():
        raise RuntimeError("the import failed")
    return time.perf_counter() - begun


def _started(export: Path, db: Path) -> subprocess.Popen[bytes]:
    command = Path(sys.executable).with_name("omoide")
    arguments = ["import", str(export), "--from", "chatgpt", "--workspace", "bench", "--db", str(db)]
    return subprocess.Popen([command, *arguments], stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    figures = measure(parser.parse_args().messages)
    sys.exit(any(figure.met is False for figure in figures))


if __name__ == "__main__":
    main()
