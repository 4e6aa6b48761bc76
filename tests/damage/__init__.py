"""Tests that damage one stored value at a time and then use the whole database."""
