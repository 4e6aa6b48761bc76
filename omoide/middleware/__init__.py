"""What a request passes before the contract: who may call from a web page, how often, and how
much at the same time. Plain ASGI, pure of memory.

    CORS → same origin → rate limit → requests in progress → the application

Each is wrapped around the application only where the settings ask for it, so that what is off costs nothing.
"""
