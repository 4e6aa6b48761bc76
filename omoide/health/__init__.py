"""Readiness and metrics of a running server."""
