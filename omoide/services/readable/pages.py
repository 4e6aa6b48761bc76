"""The pages of a workspace in Markdown: one of each peer, one of each session, and an index. Written line by line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import orjson

from omoide.core import clock, identifiers
from omoide.core.formatting import pluralize
from omoide.core.records import Json
from omoide.services.readable.escaping import code, inline, quoted
from omoide.services.readable.file_names import file_name
from omoide.storage.export.contents import WorkspaceContents

PEERS, SESSIONS, INDEX = "peers", "sessions", "index.md"
MARK = "<!-- omoide export: a workspace as Markdown -->"
"""The first line of the index, by which a folder is recognized."""

MOST_MEMBERS, MOST_SOURCES = 5, 10
"""Members of a session in the index, and sources of a conclusion, that are named."""

_LEVELS = {
    "explicit": "Said",
    "deductive": "Deduced",
    "inductive": "Patterns",
    "contradiction": "Contradictions",
}
_ENDED = {"superseded": "no longer holds", "invalid": "was never true", "merged": "became part of"}
_SUMMARIES = {"honcho_chat_summary_short": "Short summary", "honcho_chat_summary_long": "Long summary"}


def index(contents: WorkspaceContents, exported_at: int) -> Iterator[str]:
    """The page that leads to all others."""
    workspace = contents.workspace()
    yield from (MARK, "", f"# {inline(contents.name)}", "")
    created = _time(workspace["created_at"])
    yield f"A workspace of Omoide, created {created}, exported {_time(exported_at)}. Times are UTC."
    yield from ("", "## Peers", "")
    yield from (_peer_item(contents, peer["id"]) for peer in contents.peers())
    yield from ("", "## Sessions", "")
    for session in contents.sessions():
        yield _session_item(contents, session)
    scopes = [*contents.scopes()]
    if scopes:
        yield from ("", "## Scopes", "")
    for scope in scopes:
        sessions = [_session(each["session"], "") for each in contents.sessions_of(scope["id"]) if _is_in(each)]
        yield f"- {inline(identifiers.scope_of_peer(scope['id']))}: {', '.join(sessions) or 'no sessions'}"
    yield from _details(workspace)


def _peer_item(contents: WorkspaceContents, id: str) -> str:
    return f"- [{inline(id)}]({PEERS}/{file_name(id)}): {pluralize(contents.count_conclusions(id), 'conclusion')}"


def _session_item(contents: WorkspaceContents, session: Json) -> str:
    id, span = session["id"], contents.span(session["id"])
    when = ""
    if span.first is not None and span.last is not None:
        days = clock.day(span.first), clock.day(span.last)
        when = f", {days[0]}" if days[0] == days[1] else f", {days[0]} to {days[1]}"
    members = [inline(each["peer"]) for each in contents.members(id)]
    named = ", ".join(members[:MOST_MEMBERS]) + (
        f" and {len(members) - MOST_MEMBERS} more" if len(members) > MOST_MEMBERS else ""
    )
    title = session["metadata"].get("title")
    called = f" ({inline(title)})" if isinstance(title, str) and title.strip() else ""
    return f"- {_session(id, '')}{called}: {pluralize(span.messages, 'message')}{when}{f' – {named}' if named else ''}"


def peer(contents: WorkspaceContents, line: Json) -> Iterator[str]:
    """The page about a peer: cards, what is concluded about it, what changed, its sessions."""
    id = line["id"]
    yield from (
        f"# {inline(id)}",
        "",
        f"A peer of [{inline(contents.name)}](../{INDEX}), since {_time(line['created_at'])}.",
    )
    for card in contents.cards(id):
        title = "## Card" if card["observer"] == id else f"## Card kept by {inline(card['observer'])}"
        yield from ("", title, "")
        yield from (f"- {inline(each)}" for each in card["lines"])
    yield from _conclusions(contents, id)
    yield from _changes(contents, id)
    sessions = [*contents.sessions_of(id)]
    if sessions:
        yield from ("", "## Sessions", "")
        for each in sessions:
            left = "" if _is_in(each) else f", left {_time(each['left_at'])}"
            yield f"- {_session(each['session'])}{left}"
    yield from _details(line)


def _conclusions(contents: WorkspaceContents, id: str) -> Iterator[str]:
    observer = level = None
    cited = contents.cited(id)
    for each in contents.conclusions(id):
        if each["observer"] != observer:
            observer, level = each["observer"], None
            yield from ("", "## Conclusions" if observer == id else f"## Conclusions of {inline(observer)}")
        if each["level"] != level:
            level = each["level"]
            yield from ("", f"### {_LEVELS[level]}", "")
        yield f"- {inline(each['content'])} ({_about(contents, each)}){_cited(each, cited)}"
        yield from _sources(contents, each)


def _about(contents: WorkspaceContents, conclusion: Json) -> str:
    """When and from what it is known."""
    parts = [clock.day(conclusion["said_at"])]
    if conclusion["valid_from"] is not None:
        parts.append(f"holds from {clock.day(conclusion['valid_from'])}")
    if conclusion["valid_until"] is not None:
        parts.append(f"until {clock.day(conclusion['valid_until'])}")
    if conclusion["times_derived"] > 1:
        parts.append(f"{conclusion['times_derived']} times")
    behind = contents.messages_behind(conclusion["id"])
    if behind:
        parts += [_session(each.session_id, seq=each.seq) for each in behind]
    elif conclusion["session"] is not None:
        parts.append(_session(conclusion["session"]))
    return ", ".join(parts)


def _sources(contents: WorkspaceContents, conclusion: Json) -> Iterator[str]:
    ids: Sequence[str] = conclusion["source_ids"] or ()
    for id in ids[:MOST_SOURCES]:
        if source := contents.conclusion(id):
            text = inline(source["content"])
            is_here = source["observed"] == conclusion["observed"] and not identifiers.is_scope_peer(source["observer"])
            yield f"    - from: [{text}](#{id})" if is_here else f"    - from: {text}"
    if len(ids) > MOST_SOURCES:
        yield f"    - and {len(ids) - MOST_SOURCES} more"


def _changes(contents: WorkspaceContents, id: str) -> Iterator[str]:
    is_first, cited = True, contents.cited(id)
    for each in contents.ended(id):
        if is_first:
            yield from ("", "## What changed", "")
            is_first = False
        text = f"{clock.day(each['ended_at'])}: {inline(each['content'])} – {_ENDED[each['ended_as']]}"
        successor = contents.conclusion(each["successor"]) if each["successor"] else None
        knew = "" if each["observer"] == id else f", as {inline(each['observer'])} knows"
        after = "" if successor is None else f" → {inline(successor['content'])}"
        yield f"- {text}{knew}{after} ({_about(contents, each)}){_cited(each, cited)}"


def session(contents: WorkspaceContents, line: Json, assistants: Collection[str]) -> Iterator[str]:
    """The page of a session: members, summaries, messages. What assistants say is taken for Markdown."""
    id = line["id"]
    yield from (
        f"# {inline(id)}",
        "",
        f"A session of [{inline(contents.name)}](../{INDEX}), created {_time(line['created_at'])}.",
    )
    members = [_member(each) for each in contents.members(id)]
    if members:
        yield from ("", f"With {', '.join(members)}.")
    for summary in contents.summaries(id):
        yield from ("", f"## {_SUMMARIES.get(summary['type'], 'Summary')}", "")
        seq, made = summary["seq"], _time(summary["created_at"])
        yield from (f"Of the messages up to [number {seq}](#m{seq}), made {made}.", "")
        yield from quoted(summary["content"])
    yield from ("", "## Messages")
    for message in contents.messages(id):
        said = f"**{_peer(message['peer'])}** · {_time(message['created_at'])}"
        yield from ("", f"{said} {_anchor('m' + str(message['seq']))}", "")
        yield from quoted(message["content"], is_markdown=message["peer"] in assistants)
    yield from _details(line)


def _member(line: Json) -> str:
    return _peer(line["peer"]) + ("" if _is_in(line) else f" (until {_time(line['left_at'])})")


def _is_in(member: Json) -> bool:
    return member["left_at"] is None


def _details(line: Json) -> Iterator[str]:
    """Metadata and configuration, if there are any."""
    for name in ("metadata", "configuration"):
        if line[name]:
            yield from ("", f"## {name.capitalize()}", "")
            yield from code(_json(line[name]), "json")


def _json(value: Json) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _peer(id: str) -> str:
    return f"[{inline(id)}](../{PEERS}/{file_name(id)})"


def _session(id: str, up: str = "../", *, seq: int | None = None) -> str:
    label, place = (inline(id), "") if seq is None else (f"{inline(id)} {seq}", f"#m{seq}")
    return f"[{label}]({up}{SESSIONS}/{file_name(id)}{place})"


def _cited(conclusion: Json, cited: Collection[str]) -> str:
    """The anchor of a conclusion that others are drawn from."""
    return f" {_anchor(conclusion['id'])}" if conclusion["id"] in cited else ""


def _anchor(name: str) -> str:
    return f'<a id="{name}"></a>'


def _time(microseconds: int) -> str:
    """The instant to the second, in UTC."""
    return clock.to_second(microseconds).replace("T", " ").removesuffix("Z")
