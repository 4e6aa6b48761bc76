"""Resolution of configurations: levels, options, instructions and dependent switches."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from omoide.core.config_resolution import (
    MOST_PER_SUMMARY,
    PROGRAM_DEFAULTS,
    Defaults,
    ResolvedConfig,
    as_json,
    defaults_of,
    from_json,
    resolve,
)
from omoide.core.records import Json
from omoide.core.settings import Settings

ON, OFF = {"reasoning": {"enabled": True}}, {"reasoning": {"enabled": False}}
DEFAULTS = Defaults()
SHORT, LONG = "messages_per_short_summary", "messages_per_long_summary"


def said(text: str | None, *, shared: Any = ..., module: str = "summary") -> Json:
    """Return a level with instructions for one module and, if given, shared ones."""
    level: Json = {module: {"custom_instructions": text}} if text is not None else {}
    return level if shared is ... else {**level, "custom_instructions": shared}


# 2.1 Levels and resolution


@pytest.mark.parametrize(
    ("workspace", "session", "message", "enabled"),
    [
        pytest.param({}, None, None, True, id="settings-alone"),
        pytest.param(OFF, None, None, False, id="workspace-over-settings"),
        pytest.param(OFF, {}, {}, False, id="empty-levels-inherit"),
        pytest.param(ON, OFF, None, False, id="session-over-workspace-off"),
        pytest.param(OFF, ON, None, True, id="session-over-workspace-on"),
        pytest.param(ON, ON, OFF, False, id="message-over-session-off"),
        pytest.param(OFF, OFF, ON, True, id="message-over-session-on"),
        pytest.param(OFF, {"reasoning": {"enabled": None}}, {"reasoning": None}, False, id="null-inherits"),
        pytest.param(OFF, {"reasoning": {"custom_instructions": "x"}}, None, False, id="merged-key-by-key"),
        pytest.param(OFF, {"summary": {"enabled": True}}, None, False, id="merged-section-by-section"),
        pytest.param({"of": "mine", "reasoning": {"own": 1}}, {"x": []}, {"y": 1}, True, id="unknown-keys-are-ignored"),
    ],
)
def test_the_strongest_level_with_a_value_wins(
    workspace: Json, session: Json | None, message: Json | None, enabled: bool
) -> None:
    assert resolve(workspace, session, message, DEFAULTS).reasoning_enabled is enabled


def test_levels_can_enable_what_the_settings_disable() -> None:
    off = Defaults(reasoning_enabled=False, peer_card_use=False, peer_card_create=False, summary_enabled=False)
    below = {**ON, "peer_card": {"use": True, "create": True}, "summary": {"enabled": True}}
    assert resolve({}, None, None, off) == ResolvedConfig(
        reasoning_enabled=False, peer_card_use=False, peer_card_create=False, summary_enabled=False, dream_enabled=False
    )
    assert resolve(below, None, None, off) == PROGRAM_DEFAULTS


@pytest.mark.parametrize(
    "message",
    [
        {"summary": {"enabled": False, SHORT: 30, "custom_instructions": "x"}},
        {"peer_card": {"use": False, "create": False, "custom_instructions": "x"}},
        {"dream": {"enabled": False, "custom_instructions": "x"}},
        {"dialectic": {"custom_instructions": "x"}},
        {"custom_instructions": "x"},
        {"deriver": {"enabled": False}},
        {"skip_deriver": True},
    ],
    ids=lambda message: next(iter(message)),
)
def test_a_message_configures_reasoning_only(message: Json) -> None:
    assert resolve({}, {}, message, DEFAULTS) == PROGRAM_DEFAULTS


@pytest.mark.parametrize(
    ("workspace", "session", "enabled"),
    [
        pytest.param({"deriver": {"enabled": False}}, {}, False, id="deriver-enabled-is-used"),
        pytest.param({"deriver": {"enabled": False}, **ON}, {}, True, id="reasoning-wins-over-deriver"),
        pytest.param({"skip_deriver": True}, {}, False, id="skip-deriver-disables"),
        pytest.param({"skip_deriver": True, **ON}, {}, True, id="reasoning-wins-over-skip-deriver"),
        pytest.param(OFF, {"skip_deriver": False}, False, id="skip-deriver-false-is-ignored"),
        pytest.param({"deriver": {"enabled": True}, "skip_deriver": True}, {}, True, id="deriver-wins-over-skip"),
        pytest.param(ON, {"skip_deriver": True}, False, id="a-legacy-key-counts-at-its-own-level"),
        pytest.param({"skip_deriver": True}, {"deriver": {"enabled": True}}, True, id="session-over-workspace"),
        pytest.param({"skip_deriver": True, "reasoning": {"enabled": None}}, {}, False, id="null-is-not-set"),
    ],
)
def test_legacy_keys_apply_if_reasoning_is_not_set(workspace: Json, session: Json, enabled: bool) -> None:
    assert resolve(workspace, session, None, DEFAULTS).reasoning_enabled is enabled


# 2.2 Options


@pytest.mark.parametrize(
    ("section", "key", "value", "field"),
    [
        ("reasoning", "custom_instructions", "x", "reasoning_instructions"),
        ("peer_card", "use", False, "peer_card_use"),
        ("peer_card", "create", False, "peer_card_create"),
        ("peer_card", "custom_instructions", "x", "peer_card_instructions"),
        ("summary", "enabled", False, "summary_enabled"),
        ("summary", SHORT, 10, SHORT),
        ("summary", LONG, 200, LONG),
        ("summary", "custom_instructions", "x", "summary_instructions"),
        ("dream", "enabled", False, "dream_enabled"),
        ("dream", "custom_instructions", "x", "dream_instructions"),
        ("dialectic", "custom_instructions", "x", "dialectic_instructions"),
    ],
)
def test_each_option_can_be_set_on_workspaces_and_sessions(section: str, key: str, value: Any, field: str) -> None:
    level = {section: {key: value}}
    also = {"summary_instructions": value} if field == "reasoning_instructions" else {}
    expected = ResolvedConfig(**{field: value, **also})
    assert resolve(level, None, None, DEFAULTS) == expected
    assert resolve({}, level, None, DEFAULTS) == expected
    assert expected != PROGRAM_DEFAULTS


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ({"reasoning": {"custom_instructions": "x"}}, "x"),
        ({"reasoning": {"custom_instructions": "x"}, "summary": {"custom_instructions": "y"}}, "y"),
        ({"reasoning": {"custom_instructions": "x"}, "summary": {"custom_instructions": ""}}, None),
        ({"reasoning": {"custom_instructions": "x"}, "custom_instructions": "z"}, "z"),
    ],
)
def test_instructions_for_reasoning_apply_to_summaries_without_their_own(level: Json, expected: str | None) -> None:
    assert resolve(level, None, None, DEFAULTS).summary_instructions == expected


def test_shared_instructions_apply_to_all_modules_but_the_peer_card() -> None:
    assert resolve({"custom_instructions": " x "}, None, None, DEFAULTS) == ResolvedConfig(
        reasoning_instructions="x", summary_instructions="x", dream_instructions="x", dialectic_instructions="x"
    )


@pytest.mark.parametrize("section", ["reasoning", "deriver", "peer_card", "summary", "dream", "dialectic"])
@pytest.mark.parametrize("wrong", ["text", 1, [], True, {"enabled": "no", "use": 0, "create": "x"}])
def test_a_section_of_the_wrong_type_is_ignored(section: str, wrong: Any) -> None:
    level = {section: wrong}
    assert resolve(level, level, level, DEFAULTS) == PROGRAM_DEFAULTS


@pytest.mark.parametrize("wrong", ["30", None, [], {}, True, 9, 0, -1, 12.5, float("inf"), float("nan")])
def test_an_interval_of_the_wrong_type_or_too_small_is_ignored(wrong: Any) -> None:
    session = {"summary": {SHORT: wrong, LONG: wrong}}
    resolved = resolve({"summary": {SHORT: 15}}, session, None, DEFAULTS)
    assert (resolved.messages_per_short_summary, resolved.messages_per_long_summary) == (15, 60)


@pytest.mark.parametrize("wrong", [1, None, [], {}, True])
def test_instructions_of_the_wrong_type_are_ignored(wrong: Any) -> None:
    level = {"custom_instructions": wrong, "summary": {"custom_instructions": wrong}}
    assert resolve(said("workspace's"), level, level, DEFAULTS).summary_instructions == "workspace's"


@pytest.mark.parametrize(
    ("workspace", "session", "expected"),
    [
        pytest.param({SHORT: 30}, {}, (30, 60), id="consistent"),
        pytest.param({SHORT: 30, LONG: 40}, {LONG: 100}, (30, 100), id="merged-and-consistent"),
        pytest.param({SHORT: 100}, {}, (100, 300), id="the-settings-long-one-yields-to-the-workspace"),
        pytest.param({LONG: 20}, {}, (10, 20), id="the-settings-short-one-yields-to-the-workspace"),
        pytest.param({LONG: 50}, {SHORT: 50}, (50, 150), id="the-workspace-long-one-yields-to-the-session"),
        pytest.param({SHORT: 90}, {LONG: 90}, (30, 90), id="the-workspace-short-one-yields-to-the-session"),
        pytest.param({SHORT: 60, LONG: 30}, {}, (60, 180), id="the-long-one-yields-within-a-level"),
        pytest.param({LONG: 21.0}, {}, (20, 21), id="a-whole-number-is-an-integer"),
    ],
)
def test_the_weaker_level_yields_if_intervals_conflict(
    workspace: Json, session: Json, expected: tuple[int, int]
) -> None:
    resolved = resolve({"summary": workspace}, {"summary": session}, None, DEFAULTS)
    assert (resolved.messages_per_short_summary, resolved.messages_per_long_summary) == expected


@pytest.mark.parametrize("summary", [{SHORT: 10**30}, {LONG: 1e30}, {SHORT: 10**30, LONG: 10**31}])
def test_intervals_are_clamped_to_the_storable_maximum(summary: Json) -> None:
    resolved = resolve({"summary": summary}, None, None, DEFAULTS)
    assert resolved.messages_per_short_summary < resolved.messages_per_long_summary <= MOST_PER_SUMMARY + 1


# 2.4 Custom instructions


@pytest.mark.parametrize("module", ["reasoning", "summary", "dream", "dialectic"])
@pytest.mark.parametrize(
    ("workspace", "session", "text"),
    [
        pytest.param(("own", ...), (None, ...), "own", id="the-workspace-module"),
        pytest.param((None, "shared"), (None, ...), "shared", id="the-workspace-shared"),
        pytest.param(("own", "shared"), (None, ...), "own", id="own-before-shared"),
        pytest.param(("weaker", ...), ("own", ...), "own", id="session-over-workspace"),
        pytest.param(("weaker", ...), (None, "shared"), "shared", id="session-shared-over-workspace-module"),
        pytest.param(("weaker", "weaker"), ("", ...), None, id="an-empty-one-wins-as-none"),
        pytest.param(("weaker", ...), (None, ""), None, id="an-empty-shared-one-wins-as-none"),
        pytest.param(("weaker", ...), (" \n", "shared"), None, id="blanks-are-empty"),
        pytest.param(("weaker", ...), (None, None), "weaker", id="null-inherits"),
        pytest.param((" own ", ...), (None, ...), "own", id="trimmed"),
    ],
)
def test_the_strongest_instructions_win(
    module: str, workspace: tuple[str | None, Any], session: tuple[str | None, Any], text: str | None
) -> None:
    weaker, stronger = (said(own, shared=shared, module=module) for own, shared in (workspace, session))
    resolved = resolve(weaker, stronger, None, DEFAULTS)
    assert getattr(resolved, f"{module}_instructions") == text


def test_instructions_of_a_message_apply_to_reasoning_only() -> None:
    message = said("message's", module="reasoning")
    resolved = resolve({}, {"custom_instructions": "shared"}, message, DEFAULTS)
    assert resolved.reasoning_instructions == "message's"
    assert resolved.summary_instructions == resolved.dialectic_instructions == "shared"


def test_reasoning_instructions_are_used_for_no_other_module_but_summaries() -> None:
    level = said("x", module="reasoning")
    both = ResolvedConfig(reasoning_instructions="x", summary_instructions="x")
    assert resolve(level, level, level, DEFAULTS) == both
    assert resolve({}, None, level, DEFAULTS) == ResolvedConfig(reasoning_instructions="x")


@pytest.mark.parametrize(
    ("workspace", "session", "text"),
    [
        pytest.param(said("x", module="peer_card"), {}, "x", id="workspace"),
        pytest.param(said("x", module="peer_card"), said("y", module="peer_card"), "y", id="session-over-workspace"),
        pytest.param(said("x", module="peer_card"), said("", module="peer_card"), None, id="an-empty-one-wins-as-none"),
        pytest.param({}, {"custom_instructions": "shared"}, None, id="never-the-shared-one"),
        pytest.param(said("dream's", module="dream"), {}, None, id="never-the-dream-text"),
    ],
)
def test_peer_card_instructions_are_separate(workspace: Json, session: Json, text: str | None) -> None:
    assert resolve(workspace, session, None, DEFAULTS).peer_card_instructions == text


def test_peer_card_and_dream_instructions_coexist() -> None:
    workspace = {**said("card", module="peer_card"), **said("dream", module="dream")}
    resolved = resolve(workspace, None, None, DEFAULTS)
    assert (resolved.peer_card_instructions, resolved.dream_instructions) == ("card", "dream")


# 2.5 Freezing into jobs, and dependent switches


@pytest.mark.parametrize(
    "resolved",
    [
        PROGRAM_DEFAULTS,
        ResolvedConfig(reasoning_enabled=False, dream_enabled=False),
        ResolvedConfig(summary_instructions="x", messages_per_short_summary=10, messages_per_long_summary=20),
    ],
)
def test_a_frozen_configuration_is_restored_unchanged(resolved: ResolvedConfig) -> None:
    assert from_json(orjson.loads(orjson.dumps(as_json(resolved)))) == resolved


def test_only_values_that_differ_from_the_defaults_are_frozen() -> None:
    assert as_json(PROGRAM_DEFAULTS) == {}
    assert as_json(ResolvedConfig(summary_enabled=False)) == {"summary_enabled": False}


def test_settings_are_frozen_too() -> None:
    resolved = resolve({}, None, None, Defaults(messages_per_short_summary=30))
    assert from_json(as_json(resolved)).messages_per_short_summary == 30


def test_unknown_frozen_keys_are_ignored() -> None:
    assert from_json({"from_the_future": 1, "summary_enabled": False}) == ResolvedConfig(summary_enabled=False)
    assert from_json({"from_the_future": 1}) == PROGRAM_DEFAULTS


@pytest.mark.parametrize(
    ("workspace", "session", "summary", "dream"),
    [
        pytest.param(OFF, {}, True, False, id="without-reasoning-summaries-but-no-dreams"),
        pytest.param({**OFF, "dream": {"enabled": True}}, {}, True, False, id="asking-for-dreams-does-not-help"),
        pytest.param({"dream": {"enabled": False}}, {}, True, False, id="dreams-off"),
        pytest.param({"dream": {"enabled": False}}, {"dream": {"enabled": True}}, True, True, id="session-dreams"),
        pytest.param(OFF, ON, True, True, id="session-reasons-over-workspace"),
        pytest.param({"summary": {"enabled": False}}, {}, False, True, id="summaries-off"),
    ],
)
def test_dreams_need_reasoning_and_summaries_do_not(workspace: Json, session: Json, summary: bool, dream: bool) -> None:
    resolved = resolve(workspace, session, None, DEFAULTS)
    assert (resolved.summary_enabled, resolved.dream_enabled) == (summary, dream)


def test_no_level_can_enable_dreams_that_the_operator_disabled() -> None:
    level = {"dream": {"enabled": True}}
    assert not resolve(level, level, None, Defaults(dream_enabled=False)).dream_enabled


def test_reasoning_can_be_enabled_per_message() -> None:
    resolved = [resolve(OFF, {}, message, DEFAULTS).reasoning_enabled for message in (ON, OFF, None)]
    assert resolved == [True, False, False]


def test_a_session_can_disable_card_creation() -> None:
    resolved = resolve({}, {"peer_card": {"create": False}}, None, DEFAULTS)
    assert (resolved.peer_card_create, resolved.peer_card_use) == (False, True)


# Settings


def test_default_settings_equal_the_program_defaults() -> None:
    assert defaults_of(Settings.model_validate({})) == Defaults()
    assert Defaults().resolved == PROGRAM_DEFAULTS


def test_empty_configurations_resolve_to_the_settings() -> None:
    settings = Settings.model_validate(
        {
            "reasoning_enabled": False,
            "peer_card_enabled": False,
            "summary_enabled": False,
            "messages_per_short_summary": 10,
            "messages_per_long_summary": 500,
            "dream_enabled": False,
        }
    )
    assert resolve({}, {}, None, defaults_of(settings)) == ResolvedConfig(
        reasoning_enabled=False,
        peer_card_use=False,
        peer_card_create=False,
        summary_enabled=False,
        messages_per_short_summary=10,
        messages_per_long_summary=500,
        dream_enabled=False,
    )


@pytest.mark.parametrize(("short", "long"), [(9, 60), (101, 200), (20, 19), (20, 501), (60, 60), (80, 60)])
def test_inconsistent_summary_intervals_are_invalid_settings(short: int, long: int) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({SHORT: short, LONG: long})
