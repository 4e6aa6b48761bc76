"""Conclusions of earlier versions get their topics, so that later statements supersede them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omoide.core.records import NewConclusion
from omoide.storage import conclusions
from omoide.worker import time_slice
from tests import sql
from tests.worker.worker_fixture import Home

FILES = Path(__file__).parents[1] / "storage" / "files"


async def told(home: Home) -> list[tuple[str, int]]:
    """The content of each derived conclusion with the number of its topics."""
    query = """SELECT content, (SELECT count(*) FROM conclusion_topics t WHERE t.conclusion = c.pk) FROM conclusions c
        WHERE level = 'explicit' AND deleted_at IS NULL ORDER BY pk"""
    return await home.store.read(sql.rows, query)


async def forget_topics(home: Home) -> None:
    """Make the file as one of an earlier version."""
    await home.store.write(sql.change, "DELETE FROM conclusion_topics")
    await home.store.write(
        sql.change,
        """INSERT INTO jobs (kind, payload, created_at, due_at, key)
           SELECT 'fill_topics', '{"after": 0, "through": ' || max(pk) || '}', 1, 0, 'fill_topics' FROM conclusions""",
    )


def test_an_old_statement_is_superseded_by_a_new_one(play: Callable[..., Any]) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Lisbon.", "alice I like tea.")
        await home.work()
        await forget_topics(home)
        await home.work()
        assert dict(await told(home))["alice lives in Lisbon"] > 0
        await home.say("alice I moved to Porto.")
        await home.work()
        assert "alice lives in Lisbon" not in home.texts()
        assert "alice likes tea" in home.texts()

    play(story)


def test_the_job_goes_on_where_it_stopped(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omoide.storage.topic_fill.ROWS_AT_A_TIME", 2)
    monkeypatch.setattr(time_slice, "SLICE_SECONDS", 0)

    async def story(home: Home) -> None:
        await home.say(*(f"alice I own {thing}." for thing in ("a boat", "a kite", "a drum", "a globe", "a lamp")))
        await home.work()
        before = await told(home)
        await forget_topics(home)
        steps = [await told(home)]
        while await home.worker.run_one():
            steps.append(await told(home))
        assert [sum(count > 0 for _, count in step) for step in steps[:4]] == [0, 2, 4, 5]
        assert steps[-1] == before

    play(story)


def test_what_callers_wrote_gets_topics_as_well(play: Callable[..., Any]) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Lisbon.")
        await home.work()
        new = NewConclusion("alice works at Siemens", "alice", "alice", None)
        await home.store.write(conclusions.add, "w", [new], 1)
        await forget_topics(home)
        await home.work()
        assert dict(await told(home))["alice works at Siemens"] > 0

    play(story)


def test_a_file_of_the_previous_version_gets_topics_and_messages(play: Callable[..., Any], db_path: Path) -> None:
    db_path.write_bytes(gzip.decompress((FILES / "schema_11.db.gz").read_bytes()))

    async def story(home: Home) -> None:
        await home.work()
        derived = """SELECT content FROM conclusions c WHERE level = 'explicit' AND deleted_at IS NULL
            AND details ->> 'message_ids' IS NOT NULL"""
        linked = f"{derived} AND EXISTS (SELECT 1 FROM conclusion_messages m WHERE m.conclusion = c.pk)"
        assert await home.store.read(sql.column, linked) == await home.store.read(sql.column, derived) != []
        assert any(count for _, count in await told(home))
        assert await home.store.read(sql.count, "jobs", "kind = 'fill_topics'") == 0

    play(story)
