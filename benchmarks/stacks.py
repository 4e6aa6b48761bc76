"""The same operations in four stacks: our contract, stock Connexion, hand-written Starlette, an empty application."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import orjson
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks import many_messages, one_operation
from benchmarks.one_operation import PATH, SECRET, TAG, get_or_create_session
from omoide.contract.application import application
from omoide.contract.operation import Implementation
from omoide.contract.security import principal
from omoide.core.auth import Keyring, authorizer
from omoide.core.clock import from_micros
from omoide.core.records import Message
from omoide.generated import models, protocols

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette warns about its test client
    from connexion.apps.asynchronous import AsyncApp

logging.getLogger("connexion").setLevel(logging.ERROR)  # it warns that its documentation UI is not installed
MAX_BODY_BYTES = 20_000_000
_to_session = TypeAdapter(models.SessionCreate)
_session_json = TypeAdapter(models.Session).serializer.to_json
_to_batch = TypeAdapter(models.MessageBatchCreate)
_messages_json = TypeAdapter(list[models.Message]).serializer.to_json
_page_json = TypeAdapter(models.PageMessage).serializer.to_json


class NoPeers:
    async def is_member(self, workspace_id: str, session_id: str, peer_id: str) -> bool:
        return False

    async def is_retired(self, workspace_id: str, peer_id: str, issued_at: int) -> bool:
        return False


def contract() -> ASGIApp:
    """Our contract, with the server's keyring, which caches verified keys."""
    app: ASGIApp = application(
        one_operation.document((many_messages.SESSION, many_messages.TAG), (many_messages.LIST, many_messages.TAG)),
        Implementation(
            handlers="benchmarks",
            protocols={TAG: protocols.SessionsApi, many_messages.TAG: protocols.MessagesApi},
            authorize=authorizer(Keyring(SECRET), NoPeers()),
            make_context=principal,
            max_body_bytes=MAX_BODY_BYTES,
        ),
    )
    return app


def stock(*, remember_keys: bool) -> ASGIApp:
    """Connexion's AsyncApp with its default middlewares. `remember_keys`: cache verified keys, as the others do."""
    document = one_operation.version_3_0(one_operation.document())
    document["paths"][PATH]["post"]["operationId"] = "benchmarks.stacks.stock_handler"
    scheme = document["components"]["securitySchemes"]["key"]
    scheme["x-bearerInfoFunc"] = f"benchmarks.stacks.{'remembered' if remember_keys else 'claims'}"
    app: Any = AsyncApp("benchmarks")
    app.add_api(document)
    made: ASGIApp = app
    return made


async def stock_handler(workspace_id: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    session = await get_or_create_session(None, workspace_id=workspace_id, body=_to_session.validate_python(body))
    return session.model_dump(mode="json"), 200


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, SECRET, algorithms=["HS256"]))


_known: dict[str, dict[str, Any]] = {}


def remembered(token: str) -> dict[str, Any]:
    if token not in _known:
        _known[token] = claims(token)
    return _known[token]


def by_hand() -> ASGIApp:
    """Starlette with the same models, cached keys, and no validation except the models'."""

    def admitted(request: Request) -> dict[str, str]:
        """The path parameters. Raises HTTPException unless the key is for the workspace."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or remembered(token).get("w") != request.path_params["workspace_id"]:
            raise HTTPException(401)
        return request.path_params

    async def session(request: Request) -> Response:
        path = admitted(request)
        body = _to_session.validate_python(orjson.loads(await request.body()))
        made = await get_or_create_session(None, workspace_id=path["workspace_id"], body=body)
        return Response(_session_json(made), media_type="application/json")

    async def add(request: Request) -> Response:
        path = admitted(request)
        body = _to_batch.validate_python(orjson.loads(await request.body()))
        made = [_message(record) for record in many_messages.records(body.messages, **path)]
        return Response(_messages_json(made), 201, media_type="application/json")

    async def listed(request: Request) -> Response:
        admitted(request)
        await request.body()
        query = {name: int(value) for name, value in request.query_params.items()}
        items = [_message(record) for record in many_messages.STORED]
        page = models.PageMessage(items=items, total=1_000, pages=20, page=query["page"], size=query["size"])
        return Response(_page_json(page), media_type="application/json")

    return Starlette(
        routes=[
            Route(PATH, session, methods=["POST"]),
            Route(many_messages.SESSION, add, methods=["POST"]),
            Route(many_messages.LIST, listed, methods=["POST"]),
        ]
    )


def _message(record: Message) -> models.Message:
    return models.Message(**record._asdict() | {"created_at": from_micros(record.created_at)})


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An empty application, to measure the overhead of the benchmark."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


CONTRACT = "our contract"
STOCK = "stock Connexion"
BY_HAND = "Starlette by hand"


def stacks() -> dict[str, Callable[[], ASGIApp]]:
    """Name → factory."""
    return {
        CONTRACT: contract,
        BY_HAND: by_hand,
        STOCK: lambda: stock(remember_keys=True),
        f"{STOCK}, verifies every key": lambda: stock(remember_keys=False),
        "empty ASGI application": lambda: nothing,
    }
