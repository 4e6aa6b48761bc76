"""Where an exception becomes a response: Connexion's error middleware, without what it makes for every request.

Handlers are registered and wrapped by Connexion. Its `__call__`, which is Starlette's, makes a request object and two
functions around each request in case something fails; here they are made once something has failed.
"""

from __future__ import annotations

from collections.abc import Awaitable

from connexion.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send


class Failures(ExceptionMiddleware):
    """Answers what is raised inside by the handler of its nearest class. Raises what nobody can be told any more."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = False

        def noting(message: Message) -> Awaitable[None]:
            nonlocal has_begun
            has_begun = True
            return send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            if has_begun:
                raise
            await self._answer(error, scope, receive, send)

    async def _answer(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        handlers = self._exception_handlers  # Connexion puts one for Exception among them
        handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
        response = await handler(Request(scope, receive), error)  # all are async
        await response(scope, receive, send)
