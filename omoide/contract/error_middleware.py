"""Connexion's exception middleware, without its overhead for requests that do not fail.

Handlers are registered and wrapped by Connexion. Its `__call__`, which is Starlette's, creates a request object and two
functions for every request; here they are created only when an exception was raised.
"""

from __future__ import annotations

from collections.abc import Awaitable

from connexion.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send


class Failures(ExceptionMiddleware):
    """Calls the handler of an exception's nearest class. Re-raises if the response has already started."""

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
        handlers = self._exception_handlers  # Connexion adds one for Exception
        handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
        response = await handler(Request(scope, receive), error)  # all are async
        await response(scope, receive, send)
