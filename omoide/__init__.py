"""Omoide: a memory server for AI agents, made from `openapi.yaml`."""
