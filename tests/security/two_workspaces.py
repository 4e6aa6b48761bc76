"""Two workspaces on one server: ours, and one that no key of ours may reach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from tests import sql
from tests.conftest import SECRET
from tests.contract.conformance import OPERATIONS
from tests.security.in_process import Application

THEIRS, OURS = "marigold", "begonia"
IDS = re.compile(r"(^|_)ids?$|^(peers|target|scopes?|sessions|observer|observed|filters)$|^peer_(target|perspective)$")
WITH_PATH = [operation for operation in OPERATIONS.values() if "{workspace_id}" in operation.path]
WITH_MORE = [operation for operation in WITH_PATH if operation.path.count("{") > 1]

ITS = "workspace = (SELECT pk FROM workspaces WHERE id = :id)"
ITS_PEERS, ITS_SESSIONS = (f"(SELECT pk FROM {kind} WHERE {ITS})" for kind in ("peers", "sessions"))
OWNED = {
    "workspaces": "id = :id",
    **dict.fromkeys(("peers", "sessions", "messages", "conclusions", "webhooks", "jobs"), ITS),
    **dict.fromkeys(("members", "summaries", "receipts"), f"session IN {ITS_SESSIONS}"),
    **dict.fromkeys(("cards", "dreams"), f"observer IN {ITS_PEERS}"),
}
"""Table → SQL condition for the rows of a workspace."""

Json = dict[str, Any]


class TwoWorkspaces:
    """Two workspaces: `mine`, and `theirs` with every kind of resource."""

    def __init__(self, app: Application, db: Path) -> None:
        self.app, self.db = app, db
        self.keys = Keyring(SECRET)
        self.ids = self._furnish("theirs", "far", THEIRS)
        self._furnish("mine", "near", "harmless")
        self._private()

    def ask(self, principal: Principal, method: str, path: str, **options: Any) -> httpx.Response:
        key = self.keys.mint(principal, now=clock.now())
        return self.app.ask(method, path, {"Authorization": f"Bearer {key}"}, **options)

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(ADMIN, method, f"/v3/workspaces{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def _furnish(self, workspace: str, name: str, word: str) -> dict[str, str]:
        """Create every kind of resource, named `name` and containing `word`; return the ids for paths."""
        self.admin("POST", "", {"id": workspace, "metadata": {"note": word}})
        w, peer, session, scope = f"/{workspace}", f"{name}-peer", f"{name}-session", f"{name}-scope"
        self.admin("POST", f"{w}/peers", {"id": peer, "metadata": {"note": word}})
        self.admin("POST", f"{w}/sessions", {"id": session, "peers": {peer: {}}, "metadata": {"note": word}})
        said = {"messages": [{"peer_id": peer, "content": f"A {word}", "metadata": {"note": word}}]}
        (message,) = self.admin("POST", f"{w}/sessions/{session}/messages", said)
        pair = {"observer_id": peer, "observed_id": peer, "session_id": session}
        (made,) = self.admin("POST", f"{w}/conclusions", {"conclusions": [{"content": f"Grows a {word}", **pair}]})
        self.admin("PUT", f"{w}/peers/{peer}/card", {"peer_card": [f"ATTRIBUTE: {word}"]})
        self.admin("POST", f"{w}/scopes", {"id": scope, "metadata": {"note": word}})
        self.admin("POST", f"{w}/scopes/{scope}/sessions", {"session_ids": [session]})
        hook = self.admin("POST", f"{w}/webhooks", {"url": f"https://example.org/{word}"})
        return {
            "workspace_id": workspace,
            "peer_id": peer,
            "session_id": session,
            "scope_id": scope,
            "message_id": message["id"],
            "conclusion_id": made["id"],
            "endpoint_id": hook["id"],
        }

    def _private(self) -> None:
        """In `mine`: session s with p and q, session t with q and r only."""
        self.admin("POST", "/mine/sessions", {"id": "s", "peers": {"p": {}, "q": {}}})
        self.admin("POST", "/mine/sessions", {"id": "t", "peers": {"q": {}, "r": {}}, "metadata": {"note": OURS}})
        said = {"messages": [{"peer_id": "p", "content": "Tea?"}, {"peer_id": "q", "content": "Tea!"}]}
        self.admin("POST", "/mine/sessions/s/messages", said)
        self.admin("POST", "/mine/sessions/t/messages", {"messages": [{"peer_id": "q", "content": f"My {OURS}"}]})
        for observer in ("q", "p"):
            told = {"content": f"q grows a {OURS}", "observer_id": observer, "observed_id": "q", "session_id": "t"}
            self.admin("POST", "/mine/conclusions", {"conclusions": [told]})
        self.admin("PUT", "/mine/peers/q/card", {"peer_card": [f"ATTRIBUTE: {OURS}"]})
        self.admin("POST", "/mine/scopes", {"id": "sc"})
        self.admin("POST", "/mine/scopes/sc/sessions", {"session_ids": ["t"]})
        self.secret_message = self.admin("POST", "/mine/sessions/t/messages/list")["items"][0]["id"]

    def belongings(self, workspace: str) -> list[tuple[Any, ...]]:
        """All stored rows of a workspace, including jobs."""
        with sql.opened(self.db) as db:
            found = []
            for table, whose in OWNED.items():
                found += sql.rows(db, f"SELECT '{table}', * FROM {table} WHERE {whose}", {"id": workspace})
        assert len(found) >= 10
        return found
