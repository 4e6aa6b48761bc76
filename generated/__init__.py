"""Python code generated from openapi.yaml.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from pathlib import Path

DOCUMENT = "5e0a63e740a7eeb13d8ea2b35cd947cef30d28e07b4ac84e021e6d5d72ecaa07"
"""Digest of the validated document that this was generated from."""

TWIN = Path(__file__).with_name("document.json")
"""The document as JSON."""
