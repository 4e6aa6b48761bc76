"""Shapes of plain sentences that a card knows, read from `data/cards/`."""
