"""Change one value of a YAML text.

A new member follows the line of its mapping's key, a new key of the document goes to the end: no other line changes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from omoide.agent_config.errors import InvalidFile, Uneditable
from omoide.agent_config.text_layout import dotted, newline_of, on_one_line, wrapped
from omoide.core.lazy_import import lazy_import

with lazy_import("yaml"):
    import yaml

Path = Sequence[str]


def read(text: str) -> object:
    """The document as Python's own types; what is not text, with its tag. Raises InvalidFile."""
    return _plain(_root(text), set())


def put(text: str, path: Path, value: object) -> str:
    """Set the value at a path; missing mappings on the way to it are created. Raises InvalidFile and Uneditable."""
    root = _root(text)
    if root is None:
        return _appended(text, _block({path[0]: wrapped(path[1:], value)}, "", newline_of(text)))
    node: yaml.Node = root
    for depth, key in enumerate(path):
        member = _member(node, key)
        if member is None:
            return _insert(text, node, path[: depth + 1], wrapped(path[depth + 1 :], value))
        if isinstance(member[1], yaml.ScalarNode) and depth < len(path) - 1:
            if member[1].value or member[1].start_mark.index != member[1].end_mark.index:
                raise Uneditable(f"{dotted(path[: depth + 1])} is not a mapping")
            return _insert_below(text, member[0], {path[depth + 1]: wrapped(path[depth + 2 :], value)})
        node = member[1]
    if isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
        return text[: node.start_mark.index] + on_one_line(value) + text[node.end_mark.index :]
    return put(drop(text, path), path, value)


def drop(text: str, path: Path) -> str:
    """Take out the member at a path, which exists. Raises InvalidFile and Uneditable."""
    node: yaml.Node | None = _root(text)
    for key in path[:-1]:
        member = _member(node, key) if node else None
        node = member[1] if member else None
    found = _member(node, path[-1]) if node else None
    if node is None or found is None:
        return text
    key_node, value = found
    start, end = key_node.start_mark.index, _last_leaf_end(value, key_node)
    if _is_flow(node):
        return _cut_flow(text, node, found)
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip(" \ufeff"):
        raise Uneditable(f"{dotted(path)} shares its line with something else")
    line_end = text.find("\n", max(start, end - 1)) if text[max(0, end - 1)] != "\n" else end - 1
    if line_end < 0:
        return text[: max(0, line - (2 if text[:line].endswith("\r\n") else 1))]
    return text[:line] + text[line_end + 1 :]


def _root(text: str) -> yaml.MappingNode | None:
    """The document's mapping; None if the document is empty."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InvalidFile(f"{where}{error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidFile(" ".join(str(error).split())) from error
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag.endswith(":null")):
        return None
    if not isinstance(root, yaml.MappingNode):
        raise InvalidFile("the document is not a mapping")
    return root


def _plain(node: yaml.Node | None, above: set[int]) -> object:
    """A node for comparisons and look-ups. Raises Uneditable for one that contains itself."""
    if node is None:
        return {}
    if isinstance(node, yaml.ScalarNode):
        return str(node.value) if node.tag.endswith(":str") else _typed(node)
    if id(node) in above:
        raise Uneditable("an alias refers to what contains it")
    within = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        return {_key(key, within): _plain(value, within) for key, value in node.value}
    return [_plain(each, within) for each in node.value]


def _typed(node: yaml.ScalarNode) -> object:
    if node.tag.endswith(":bool"):
        return str(node.value).lower() in ("yes", "true", "on")
    if node.tag.endswith(":null"):
        return {}  # where a mapping is expected, it is an empty one
    return int(node.value) if re.fullmatch(r"-?[1-9]\d*|0", node.value) else (node.tag, node.value)


def _key(node: yaml.Node, above: set[int]) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else repr(_plain(node, above))


def _member(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the value of a mapping's member."""
    if not isinstance(node, yaml.MappingNode):
        return None
    members = [(name, value) for name, value in node.value if isinstance(name, yaml.ScalarNode) and name.value == key]
    return members[-1] if members else None


def _insert(text: str, node: yaml.Node, path: Path, value: object) -> str:
    if not isinstance(node, yaml.MappingNode):
        raise Uneditable(f"{dotted(path[:-1])} is not a mapping")
    key = path[-1]
    if _is_flow(node):
        opening = node.start_mark.index + len(text[node.start_mark.index :].partition("{")[0]) + 1
        comma = ", " if node.value else ""
        return f"{text[:opening]}{on_one_line(key)}: {on_one_line(value)}{comma}{text[opening:]}"
    if len(path) == 1 and not _ends_in_block_scalar(text, node):
        return _appended(text, _block({key: value}, " " * node.start_mark.column, newline_of(text)))
    first: yaml.Node = node.value[0][0]
    line = text.rfind("\n", 0, first.start_mark.index) + 1
    indent = text[line : first.start_mark.index]
    if indent.strip(" "):
        raise Uneditable(f"{dotted(path[:-1])} shares its line with something else")
    line = _first_line_within(text, line) if len(path) > 1 else line
    return text[:line] + _block({key: value}, indent, newline_of(text)) + text[line:]


def _ends_in_block_scalar(text: str, node: yaml.Node) -> bool:
    """Whether a line break at the end of the text would belong to the last value."""
    while isinstance(node, yaml.CollectionNode) and node.value:
        node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    return not text.endswith("\n") and isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")


def _first_line_within(text: str, line: int) -> int:
    """The start of the comments and blank lines that precede a line."""
    while line:
        before = text.rfind("\n", 0, line - 1) + 1
        content = text[before : line - 1].strip()
        if content and not content.startswith("#"):
            return line
        line = before
    return line


def _insert_below(text: str, key: yaml.Node, members: dict[str, object]) -> str:
    """Give a key without a value its first member."""
    indent = " " * (key.start_mark.column + 2)
    block = _block(members, indent, newline_of(text))
    line_end = text.find("\n", key.end_mark.index)
    return _appended(text, block) if line_end < 0 else text[: line_end + 1] + block + text[line_end + 1 :]


def _appended(text: str, block: str) -> str:
    """Add lines at the end, without a final line break if there was none."""
    if not text.strip("\ufeff") or text.endswith("\n"):
        return text + block
    newline = newline_of(text)
    return text + newline + block.removesuffix(newline)


def _cut_flow(text: str, node: yaml.Node, member: tuple[yaml.Node, yaml.Node]) -> str:
    start, end = member[0].start_mark.index, member[1].end_mark.index
    after = re.compile(r"\s*,[ \t]?").match(text, end)
    if after:
        return text[:start] + text[after.end() :]
    before = re.search(r",\s*\Z", text[node.start_mark.index : start])
    return text[: node.start_mark.index + before.start() if before else start] + text[end:]


def _last_leaf_end(node: yaml.Node, key: yaml.Node) -> int:
    """Where a value ends; the end of a block mapping itself is after the comments that follow."""
    if isinstance(node, yaml.ScalarNode) or _is_flow(node) or not node.value:
        return max(int(node.end_mark.index), int(key.end_mark.index))
    last = node.value[-1]
    return _last_leaf_end(last[1], last[0]) if isinstance(node, yaml.MappingNode) else _last_leaf_end(last, last)


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _block(members: dict[str, object], indent: str, newline: str) -> str:
    """Lines of a block mapping; lists and scalars on one line."""
    lines = ""
    for key, value in members.items():
        name = key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else on_one_line(key)
        if isinstance(value, dict) and value:
            lines += f"{indent}{name}:{newline}{_block(value, indent + '  ', newline)}"
        else:
            lines += f"{indent}{name}: {on_one_line(value)}{newline}"
    return lines
