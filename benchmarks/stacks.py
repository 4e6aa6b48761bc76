"""The same operation served four ways: our contract, stock Connexion, Starlette by hand, and nothing at all."""

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

from benchmarks import one_operation
from benchmarks.one_operation import PATH, SECRET, TAG, get_or_create_session
from generated import models, protocols
from omoide.contract.application import application
from omoide.contract.security import principal
from omoide.security import Keyring, authorizer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Starlette about its own test client
    from connexion.apps.asynchronous import AsyncApp

logging.getLogger("connexion").setLevel(logging.ERROR)  # it warns that its own documentation page is not installed
MAX_BODY_BYTES = 20_000_000
_to_session = TypeAdapter(models.SessionCreate)
_session_json = TypeAdapter(models.Session).serializer.to_json


def contract() -> ASGIApp:
    """Our contract, with the keyring that the server uses: a key is verified once and remembered."""
    app: ASGIApp = application(
        one_operation.document(),
        handlers="benchmarks",
        protocols={TAG: protocols.SessionsApi},
        authorize=authorizer(Keyring(SECRET), lambda *_: False),
        make_context=principal,
        max_body_bytes=MAX_BODY_BYTES,
    )
    return app


def stock(*, remember_keys: bool) -> ASGIApp:
    """Connexion's AsyncApp with its default middlewares. `remember_keys`: verify a key once, as the others do."""
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
    """Starlette with the same models, a remembered key, and no check beyond what the models do."""

    async def endpoint(request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        workspace_id = request.path_params["workspace_id"]
        if scheme.lower() != "bearer" or remembered(token).get("w") != workspace_id:
            raise HTTPException(401)
        body = _to_session.validate_python(orjson.loads(await request.body()))
        session = await get_or_create_session(None, workspace_id=workspace_id, body=body)
        return Response(_session_json(session), media_type="application/json")

    return Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """What the measuring itself costs."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


CONTRACT = "our contract"
STOCK = "stock Connexion"
BY_HAND = "Starlette by hand"


def stacks() -> dict[str, Callable[[], ASGIApp]]:
    """Name → how to make it."""
    return {
        CONTRACT: contract,
        BY_HAND: by_hand,
        STOCK: lambda: stock(remember_keys=True),
        f"{STOCK}, verifies every key": lambda: stock(remember_keys=False),
        "empty ASGI application": lambda: nothing,
    }
