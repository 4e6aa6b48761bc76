"""Python code generated from openapi.yaml.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from pathlib import Path

DOCUMENT = "85d83d2548cd3c18354174aa81f32a9588223fa95b8640ecc5563da1825bcca7"
"""Digest of the validated document that this was generated from."""

TWIN = Path(__file__).with_name("document.json")
"""The document as JSON."""
