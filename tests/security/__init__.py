"""Tests of the threat model in docs/explanation/security.md, against real servers."""
