"""Reasoning over messages and conclusions, and the services that read them. No SQL, no HTTP."""
