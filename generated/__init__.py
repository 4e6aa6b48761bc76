"""Python code generated from openapi.yaml.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from pathlib import Path

DOCUMENT = "e778b259bdd79611bad3ddb084aa696c19d45f23a9d6e54e23951b50adac5ea0"
"""Digest of the validated document that this was generated from."""

TWIN = Path(__file__).with_name("document.json")
"""The document as JSON."""
