"""Reasoner that uses the configured language model. Imported on first use."""
