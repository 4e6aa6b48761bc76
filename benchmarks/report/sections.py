"""The parts of the report, with descriptions and commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ReportPart:
    """`command` are Python's arguments to run the part; with `--json FILE` it also writes its figures."""

    name: str
    title: str
    says: str
    command: tuple[str, ...]
    form: Literal["figures", "growth"] = "figures"

    def shown(self) -> str:
        return " ".join(("python", *self.command))


PARTS = (
    ReportPart(
        "http",
        "Over HTTP, against the floor",
        "The floor is a server written by hand for the same schema, durability and answers, without validation, models "
        "or errors. Both are asked by turns, as fast as they answer: the latencies are those of a full server.",
        ("-m", "benchmarks", "--only", "http"),
    ),
    ReportPart(
        "beside",
        "Beside the worker",
        "Two servers under the same paced load, one that reasons without a model and one that does not.",
        ("-m", "benchmarks.side_by_side"),
    ),
    ReportPart(
        "processes",
        "Processes",
        "Two API processes against one on the same machine, and the time from killing the worker that leads until "
        "another leads. The load is made on the same cores.",
        ("-m", "benchmarks.processes"),
    ),
    ReportPart(
        "fairness",
        "Fairness",
        "A light tenant alone, and then with a heavy one, on the same server with one API process. Each has a "
        "workspace, a key and an address of its own. The light tenant's requests are due at fixed times, 10 a second "
        "of each kind, and latencies count from then; `conclusion` is the time from a message until a conclusion about "
        "its peer can be listed, one second of it waiting for more to be said. A request that fails or still waits "
        "10 s after the end is counted as failed. The clients share the processors with the server.",
        ("-m", "benchmarks.fairness"),
    ),
    ReportPart(
        "mixed",
        "Mixed connections",
        "Connections that add, list, search, chat, read contexts and conclusions, upload and delete, as fast as it "
        "is answered, on an empty database without authentication. At the end every message of every session is read "
        "and compared with what was acknowledged. Resident memory is that of each process (its id in brackets).",
        ("-m", "benchmarks.mixed"),
    ),
    ReportPart(
        "size",
        "Growth",
        "One request at a time to databases of growing size, all messages in one workspace.",
        ("-m", "benchmarks.size"),
        "growth",
    ),
    ReportPart(
        "in-process",
        "In process",
        "The application called directly, without a socket, with a handler that does nothing.",
        ("-m", "benchmarks", "--only", "in-process"),
    ),
    ReportPart(
        "start-up",
        "Start-up and depth",
        "Memory is that of all processes of the server, what they share counted once.",
        ("-m", "benchmarks", "--only", "start-up"),
    ),
    ReportPart(
        "recall",
        "What search finds",
        "The share of the turns that answer a question among the first 5, 10 and 20 found.",
        ("-m", "benchmarks.recall"),
    ),
    ReportPart(
        "reason", "Reasoning without a model", "Each verb of the embedded reasoner.", ("-m", "benchmarks.reason")
    ),
    ReportPart(
        "weight",
        "Weight",
        "What the installed packages take on disk.",
        ("-m", "benchmarks.weight"),
    ),
)
