"""What an installation may weigh, and how it is weighed."""

from __future__ import annotations

from packaging.requirements import Requirement

from benchmarks import weight


def test_what_we_choose_ourselves_weighs_no_more_than_its_bar() -> None:
    found = weight.parts()
    assert weight.ours(found) <= weight.OURS.limit, [(part.name, part.size) for part in found if part.is_ours]


def test_what_a_package_brings_is_weighed_with_it_and_says_who_asks() -> None:
    found = weight.packages([Requirement("httpx")], by="us")
    assert found["httpx"].asked_by == {"us"}
    assert found["h11"].asked_by == {"httpcore"}
    assert found["h11"].size > 10_000


def test_an_extra_is_weighed_only_where_it_is_asked_for() -> None:
    plain = weight.packages([Requirement("connexion")], by="us")
    with_extra = weight.packages([Requirement("pydantic-ai-slim"), Requirement("pydantic-ai-slim[openai]")], by="us")
    assert "flask" not in plain
    assert "openai" in with_extra
    assert "openai" not in weight.packages([Requirement("pydantic-ai-slim")], by="us")
