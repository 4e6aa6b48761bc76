"""docs/reference/configuration.md lists every setting. `python -m tests.test_settings_table` rewrites the list."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from omoide.core.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "configuration.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->\n"


def table() -> str:
    lines = ["| variable | default | |\n", "|---|---|---|\n"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None or isinstance(field.default, SecretStr) else str(field.default)
        if isinstance(field.default, tuple):
            default = ",".join(field.default)
        shown = f"`{default}`" if default else "(empty)"
        lines.append(f"| `OMOIDE_{name.upper()}` | {shown} | {field.description} |\n")
    return "".join(lines)


def page() -> str:
    """The page with an up-to-date list."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


def test_the_page_lists_every_setting_as_it_is() -> None:
    assert page() == PAGE.read_text(), "run: python -m tests.test_settings_table"


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


if __name__ == "__main__":
    PAGE.write_text(page())
