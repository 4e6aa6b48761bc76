"""The ASGI application and its middleware."""
