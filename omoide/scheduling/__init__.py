"""Decide which background jobs stored messages cause."""
