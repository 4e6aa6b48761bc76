"""Reasoner without a model: it extracts, restates and quotes statements."""
