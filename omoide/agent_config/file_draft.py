"""The text of one configuration file while it is changed, and what had to be created in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from omoide.agent_config import edits, json_editor
from omoide.agent_config.errors import InvalidFile, Uneditable
from omoide.agent_config.file_change import Created, FileChange, created_in, read_text
from omoide.agent_config.text_layout import dotted
from omoide.core.errors import Conflict


class FileDraft:
    """Reads the file that a path leads to. Raises InvalidFile and Uneditable, with the path, and OSError."""

    def __init__(self, path: Path, language: str) -> None:
        self.path = Path(os.path.realpath(path))  # symbolic links remain: the file that they lead to is changed
        self._language = edits.LANGUAGES[language]
        try:
            self._before = read_text(self.path)
            self.text = self._before or ""
            self.document()
        except InvalidFile as error:
            raise InvalidFile(f"{self.path} is damaged: {error.detail}. Nothing was changed.") from error
        self._created = created_in(self.path)
        self._forget_gone()
        if not self.text.strip("\ufeff \t\r\n"):
            self._created = Created(is_file=True, before=self._before)

    def document(self) -> object:
        """What the text means now."""
        return self._language.read(self.text)

    def set_entry(self, path: Sequence[str], entry: edits.Entry) -> None:
        """Write or update the entry of a server. Raises Conflict if there is one of another program."""
        self._refuse_other(path)
        self._note_created(path)
        self.text = edits.set_entry(self._language, self.text, tuple(path), entry)

    def take_out(self, path: Sequence[str]) -> None:
        """Take out an entry, and the objects that were created for it. Raises Conflict if it is another program's."""
        self._refuse_other(path)
        self._drop(path)

    def add(self, path: Sequence[str], value: object) -> None:
        """Insert an element into an array of a JSON document."""
        self._note_created((*path, ""))
        text = json_editor.add(self.text, path, value)
        array = edits.lookup(json_editor.read(self.text), path)
        if edits.lookup(json_editor.read(text), path) != [value, *(array if isinstance(array, list) else [])]:
            raise Uneditable(f"{dotted(path)} cannot be changed without rewriting the file")
        self.text = text

    def drop_element(self, path: Sequence[str], index: int, *below: str | int) -> None:
        """Take out an element of an array (or what is `below` it), and the objects that were created for it."""
        array = edits.lookup(self.document(), path)
        if below or not isinstance(array, list) or len(array) > 1 or tuple(path) not in self._created.containers:
            self.text = json_editor.drop(self.text, (*path, index, *below))
        else:
            self._drop(path)

    def replace(self, path: Sequence[str | int], value: object) -> None:
        """Set a value of a JSON document that exists."""
        self.text = json_editor.put(self.text, path, value)

    def _drop(self, path: Sequence[str]) -> None:
        self.text = edits.take_out(self._language, self.text, tuple(path), self._created.containers)

    def change(self) -> FileChange:
        """The difference that all edits make together."""
        is_blank = "".join(self.text.strip("\ufeff").split()) in ("", "{}")
        after: str | None = self.text
        if self.text == (self._before or ""):
            after = self._before
        elif self._created.is_file and is_blank:
            after = self._created.before
        self._forget_gone()
        return FileChange(self.path, self._before, after, Created() if after == self._created.before else self._created)

    def _refuse_other(self, path: Sequence[str]) -> None:
        if not edits.is_ours(edits.lookup(self.document(), path)):
            what = f"{dotted(path)} is another server; give ours another name with --name"
            raise Conflict(f"{self.path}: {what}. Nothing was changed.")

    def _forget_gone(self) -> None:
        """Drop from the record what is not in the text."""
        document = self.document()
        self._created.containers = [
            each for each in self._created.containers if edits.lookup(document, each) is not edits.MISSING
        ]

    def _note_created(self, path: Sequence[str]) -> None:
        missing = edits.missing_containers(self._language, self.text, tuple(path))
        self._created.containers += [each for each in missing if each not in self._created.containers]
