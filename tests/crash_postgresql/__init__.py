"""Processes that share a PostgreSQL database, and end at any moment."""
