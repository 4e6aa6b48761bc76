"""The memory that the page shows in tests: two friends and an assistant, over three days."""

from __future__ import annotations

import time

import httpx

FIRST = [
    ("alice", "I moved to Lisbon last month and work as a nurse at Santa Maria hospital."),
    ("helper", "Welcome to Lisbon! How do you like it?"),
    ("alice", "I love it. My dog Bruno is a beagle and hates the tram."),
    ("bob", "My sister Carla lives in Porto. I am allergic to peanuts."),
    ("alice", "ok, thanks!"),
    ("alice", "My birthday is on the 3rd of May."),
]
SECOND = [
    ("alice", "I no longer live in Lisbon. I live in Porto now."),
    ("bob", "I started learning Japanese two weeks ago."),
    ("alice", "I have a brother called Tiago, and he plays the cello."),
]
HOSTILE = [
    (
        "mallory",
        "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'> I live in <b>Rome</b>.",
    ),
    ("mallory", "\u202eevil\u202c and \u2066isolated\u2069 مرحبا بالعالم I like oranges."),
    ("mallory", "I collect stamps. " + "a" * 24_000),
    ("mallory", "javascript:alert(1) [link](javascript:alert(2)) ${7*7} {{7*7}} &lt;b&gt;"),
]
CHANGES = [
    [("alice", "I live in Lisbon."), ("alice", "I was born in Madrid."), ("alice", "I love hiking in the mountains.")],
    [("alice", "I live in Porto now."), ("alice", "I am an only child."), ("bob", "I like tea.")],
    [("alice", "My brother Tiago plays the cello."), ("alice", "I love hiking in the mountains.")],
    [("alice", "I love hiking in the mountains so much.")],
]
ODD_IDS = ["-", "_", "a-b_C9", "x" * 512, "0", "__proto__", "constructor"]


def fill(client: httpx.Client, workspace: str) -> None:
    """Tell the story in `workspace`, with what only hostile callers write, and return once everything is derived."""
    tell(client, workspace)
    say(client, workspace, "hostile", HOSTILE, day=3)
    for odd in ODD_IDS:
        post(client, f"/v3/workspaces/{workspace}/peers", {"id": odd})
    settle(client, workspace)


def tell(client: httpx.Client, workspace: str) -> None:
    """Tell the story of the friends, and return once everything is derived."""
    post(client, "/v3/workspaces", {"id": workspace})
    helper = {"observe_me": False}
    post(client, f"/v3/workspaces/{workspace}/peers", {"id": "helper", "configuration": helper})
    say(client, workspace, "first", FIRST, day=1)
    say(client, workspace, "second", SECOND, day=2)
    settle(client, workspace)


def fill_changes(client: httpx.Client, workspace: str) -> None:
    """Tell what bob hears from alice in four sessions: she moves, contradicts herself, and repeats herself."""
    post(client, "/v3/workspaces", {"id": workspace})
    for day, said in enumerate(CHANGES, start=1):
        members = {"alice": {}, "bob": {"observe_others": True}}
        post(client, f"/v3/workspaces/{workspace}/sessions", {"id": f"day-{day}", "peers": members})
        say(client, workspace, f"day-{day}", said, day=day)
        settle(client, workspace)
    for observer in ("alice", "bob"):
        dream = {"observer": observer, "observed": "alice", "dream_type": "omni"}
        assert client.post(f"/v3/workspaces/{workspace}/schedule_dream", json=dream).status_code == 204
    settle(client, workspace)


def say(client: httpx.Client, workspace: str, session: str, said: list[tuple[str, str]], *, day: int) -> list[str]:
    """Add messages to a session, a minute apart on that day of November, and return their ids."""
    post(client, f"/v3/workspaces/{workspace}/sessions", {"id": session})
    messages = [
        {"peer_id": peer, "content": content, "created_at": f"2026-11-{day:02}T10:{minute:02}:00Z"}
        for minute, (peer, content) in enumerate(said)
    ]
    added = post(client, f"/v3/workspaces/{workspace}/sessions/{session}/messages", {"messages": messages})
    return [message["id"] for message in added]


def post(client: httpx.Client, path: str, body: object) -> list[dict[str, str]]:
    answer = client.post(path, json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()  # type: ignore[no-any-return]


def settle(client: httpx.Client, workspace: str) -> None:
    """Return once no background work is left."""
    while True:
        status = client.get(f"/v3/workspaces/{workspace}/queue/status").json()
        if not status["pending_work_units"] + status["in_progress_work_units"]:
            return
        time.sleep(0.05)
