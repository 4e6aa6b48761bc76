"""Python code generated from openapi.yaml.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from pathlib import Path

DOCUMENT = "6e2eab99f19c8da5d8828c5972b828af4b530a9e3c89d1c6ffd0c660303cba97"
"""Digest of the validated document that this was generated from."""

TWIN = Path(__file__).with_name("document.json")
"""The document as JSON."""
