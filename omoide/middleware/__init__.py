"""ASGI middleware in front of the contract, independent of the memory domain.

    CORS → same origin → rate limit → the application

Each is added only if the settings enable it.
"""
