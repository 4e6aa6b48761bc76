"""What a request passes before the contract: who may call from a web page, and how often. Plain ASGI, pure of memory.

    CORS → same origin → rate limit → the application

Each is wrapped around the application only where the settings ask for it, so that what is off costs nothing.
"""
