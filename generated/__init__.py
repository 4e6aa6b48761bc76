"""Python code generated from openapi.yaml.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from pathlib import Path

DOCUMENT = "cea71cf4fca7f8c0a5f8e2ef17485579c39f1bd653565afeb5791a588582f7c4"
"""Digest of the validated document that this was generated from."""

TWIN = Path(__file__).with_name("document.json")
"""The document as JSON."""
