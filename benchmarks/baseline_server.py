"""The floor: a minimal hand-written Python server with the same responses, as a baseline.

Starlette, plain SQL (floor_store), orjson; no validation, models or errors. It has Omoide's schema and statements,
durability, group commit, token counts and response shapes, so the difference is the cost of the contract. It imports
nothing from Omoide.
"""

from __future__ import annotations

import gzip
import sys
from base64 import b64decode
from pathlib import Path

import orjson
import tiktoken
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import baseline_store as store
from benchmarks.baseline_store import FloorStore, Row

RANKS = Path(__file__).parent.parent / "omoide" / "inference" / "data" / "o200k_base.tiktoken.gz"

# As published in tiktoken (MIT, OpenAI).
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PATTERN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_END}|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_END}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def load_encoding() -> tiktoken.Encoding:
    lines = gzip.decompress(RANKS.read_bytes()).splitlines()
    ranks = {b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
    return tiktoken.Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def answer(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_UTC_Z), status, media_type="application/json")


def session_json(row: Row) -> dict[str, object]:
    _, id, uid, workspace_id, metadata, configuration, created_at, is_active = row
    return {
        "id": id,
        "uid": uid,
        "is_active": bool(is_active),
        "workspace_id": workspace_id,
        "metadata": orjson.Fragment(metadata),
        "configuration": orjson.Fragment(configuration),
        "created_at": store.instant(created_at),
    }


def message_json(row: Row) -> dict[str, object]:
    id, session_id, workspace_id, peer_id, content, metadata, token_count, created_at = row
    return {
        "id": id,
        "content": content,
        "peer_id": peer_id,
        "session_id": session_id,
        "workspace_id": workspace_id,
        "metadata": orjson.Fragment(metadata),
        "created_at": store.instant(created_at),
        "token_count": token_count,
    }


class Floor:
    """The endpoints."""

    def __init__(self, path: str) -> None:
        self.store = FloorStore(path)
        self.encoding = load_encoding()

    async def health(self, request: Request) -> Response:
        return answer({"status": "ok", "reasoner": "none"})

    async def session(self, request: Request) -> Response:
        workspace_id = request.path_params["workspace_id"]
        body = orjson.loads(await request.body())
        peers = body.get("peers", {})
        row = store.settled_session(self.store.reader, workspace_id, body["id"], peers)
        if row is None:
            row = await self.store.write(store.get_or_create_session, workspace_id, body["id"], peers, store.now())
        return answer(session_json(row))

    async def add_messages(self, request: Request) -> Response:
        path = request.path_params
        body = orjson.loads(await request.body())
        batch = [
            (
                message["peer_id"],
                message["content"],
                orjson.dumps(message.get("metadata", {})).decode(),
                len(self.encoding.encode_ordinary(message["content"])),
            )
            for message in body["messages"]
        ]
        found = await self.store.write(store.add_messages, path["workspace_id"], path["session_id"], batch, store.now())
        return answer([message_json(row) for row in found], 201)

    async def list_messages(self, request: Request) -> Response:
        path, query = request.path_params, request.query_params
        page, size = int(query.get("page", 1)), int(query.get("size", 50))
        total, found = store.list_messages(self.store.reader, path["workspace_id"], path["session_id"], page, size)
        items = [message_json(row) for row in found]
        return answer({"items": items, "total": total, "page": page, "size": size, "pages": -(-total // size)})

    def application(self) -> Starlette:
        sessions = "/v3/workspaces/{workspace_id}/sessions"
        messages = sessions + "/{session_id}/messages"
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route(sessions, self.session, methods=["POST"]),
                Route(messages, self.add_messages, methods=["POST"]),
                Route(f"{messages}/list", self.list_messages, methods=["POST"]),
            ]
        )


if __name__ == "__main__":
    uvicorn.run(
        Floor(sys.argv[1]).application(),
        host="127.0.0.1",
        port=0,
        lifespan="on",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
