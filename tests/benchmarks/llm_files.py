"""Small files in the formats of LongMemEval and LoCoMo, and of our own conversations, written for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LONGMEMEVAL: list[dict[str, Any]] = [
    {
        "question_id": "q1",
        "question_type": "multi-session",
        "question": "How many bikes do I own?",
        "answer": 2,
        "question_date": "2023/05/30 (Tue) 23:40",
        "haystack_session_ids": ["b", "a"],
        "haystack_dates": ["2023/05/21 (Sun) 08:00", "2023/05/20 (Sat) 02:21"],
        "haystack_sessions": [
            [{"role": "user", "content": "I bought a second bike."}],
            [
                {"role": "user", "content": "I own a bike.", "has_answer": True},
                {"role": "assistant", "content": "Where do you ride?"},
            ],
        ],
        "answer_session_ids": ["a", "b"],
    },
    {
        "question_id": "q2_abs",
        "question_type": "single-session-user",
        "question": "Which car do I drive?",
        "answer": "The user never mentioned a car.",
        "question_date": "2023/06/01 (Thu) 10:00",
        "haystack_session_ids": ["c"],
        "haystack_dates": ["2023/05/22 (Mon) 09:30"],
        "haystack_sessions": [[{"role": "user", "content": "I walk to work."}]],
        "answer_session_ids": [],
    },
]
LOCOMO: list[dict[str, Any]] = [
    {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ana Maria",
            "speaker_b": "Ben",
            "session_2_date_time": "10:07 am on 9 June, 2023",
            "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "I adopted a beagle."}],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ana Maria", "dia_id": "D1:1", "text": "I paint.", "blip_caption": "a lake at dawn"},
                {"speaker": "Ben", "dia_id": "D1:2", "text": "Lovely!"},
            ],
            "session_3_date_time": "10:07 am on 10 June, 2023",
        },
        "qa": [
            {"question": "What does Ana Maria do?", "answer": "She paints lakes", "evidence": ["D1:1"], "category": 4},
            {"question": "Ben's dog?", "adversarial_answer": "a poodle", "evidence": [], "category": 5},
        ],
        "event_summary": {},
    }
]
TALK = ("I live in Porto.", "I play the cello.", "I am off.")
QUESTIONS = [
    ("fact", "Where does ana live?", ["d01t01"], ["porto|oporto"]),
    ("fact", "What does ana play?", ["d01t02"], ["cello"]),
    ("unanswerable", "Which car does ana drive?", [], []),
]


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def own_data(folder: Path) -> Path:
    """A folder with the conversation `tiny` and its questions."""
    turns = [
        {"id": f"d01t{n:02}", "session": "d01", "peer": "ana", "content": said, "created_at": f"2026-05-01T10:0{n}:00Z"}
        for n, said in enumerate(TALK, 1)
    ]
    asked = [
        {"conversation": "tiny", "kind": kind, "peer": "ana", "asker": "ben", "question": question}
        | {"evidence": evidence, "answer": answer}
        for kind, question, evidence, answer in QUESTIONS
    ]
    for name, rows in (("tiny", turns), ("questions-tiny", asked)):
        written(folder / f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return folder
