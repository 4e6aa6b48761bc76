"""Configuration files as people write them: any layout, comments, line ends; with and without MCP servers."""

from __future__ import annotations

from hypothesis import strategies as st

INDENTS = st.sampled_from(["  ", "    ", "\t"])
COMMENTS = st.sampled_from(["", "", " // mine", ' /* mine: { [ " */'])
SERVERS = st.sampled_from(
    [
        "",
        '"time": {"command": "uvx", "args": ["mcp-server-time"]}',
        '"quoted \\" } , //": {"url": "https://example.org/a//b"}',
        '"a": {"env": {"TOKEN": "}"}}',
    ]
)


@st.composite
def json_texts(draw: st.DrawFn, servers: tuple[str, ...]) -> str:
    """JSON with comments: members before and after the servers, on one line or on several."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    indent, comment = draw(INDENTS), draw(COMMENTS)
    is_spread = draw(st.booleans()) or "//" in comment
    gap = f"{comment}{newline}{indent}" if is_spread else draw(st.sampled_from(["", " "]))
    members = draw(
        st.lists(st.sampled_from(['"a": 1', '"b" :[ 1,{"c": null}, ]', '"d":"x, } y"', '"e": {}']), max_size=3)
    )
    if draw(st.booleans()):
        members.insert(draw(st.integers(0, len(members))), _servers(draw, servers, newline, indent))
    comma = "," if draw(st.booleans()) and members else ""
    body = f",{gap}".join(members)
    end = f"{comma}{comment}{newline}" if is_spread else comma
    start = draw(st.sampled_from(["", "\ufeff", f"// first{newline}", newline]))
    return f"{start}{{{gap}{body}{end}}}{draw(st.sampled_from(['', newline, newline * 2]))}"


def _servers(draw: st.DrawFn, path: tuple[str, ...], newline: str, indent: str) -> str:
    inner = draw(SERVERS)
    layouts = [
        "{%s}",
        "{ %s }",
        f"{{ // mine{newline}{indent * 2}%s{newline}{indent}}}",
        f"{{{newline}{indent * 2}%s{newline}}}",
    ]
    text = draw(st.sampled_from(layouts)) % inner
    for key in reversed(path[1:]):
        text = f'{{{newline}{indent}"{key}": {text}}}'
    return f'"{path[0]}": {text}'


@st.composite
def toml_texts(draw: st.DrawFn) -> str:
    """TOML in parts, with strings and arrays that look like headers."""
    parts = draw(
        st.lists(
            st.sampled_from(
                [
                    'model = "o5" # mine\n',
                    'text{0} = """\n[mcp_servers.omoide]\nurl = "no"\n"""\n',
                    "list{0} = [\n  [1, 2], # [mcp_servers.omoide]\n]\n",
                    "\n# a comment\n",
                ]
            ),
            max_size=4,
        )
    )
    tables = draw(
        st.lists(
            st.sampled_from(
                [
                    '[mcp_servers.time]\ncommand = "uvx"\n',
                    '# what follows\n[mcp_servers."b c".env]\nTOKEN = "[x]"\n',
                    '[projects."/home/me/[a]"]\ntrust_level = "trusted"\n\n',
                    "[[hooks]]\nname = 1\n",
                ]
            ),
            unique=True,
            max_size=4,
        )
    )
    text = "".join(part.replace("{0}", str(number)) for number, part in enumerate(dict.fromkeys(parts))) + "".join(
        tables
    )
    text = text.removesuffix("\n") if draw(st.booleans()) else text + draw(st.sampled_from(["", "\n", "# the end\n"]))
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@st.composite
def yaml_texts(draw: st.DrawFn) -> str:
    """YAML in parts, with block scalars that look like keys."""
    parts = draw(
        st.lists(
            st.sampled_from(
                [
                    "# mine\nmodel:\n    default: x   # a comment\n",
                    "text: |\n  mcp_servers:\n    omoide: no\n",
                    "kept: |+\n  a\n\n",
                    "list:\n- a\n-   b: [1, 2]\n",
                    "'quoted key': \"a: b\"\nanchor: &a {x: 1}\nalias: *a\n",
                ]
            ),
            unique=True,
            max_size=4,
        )
    )
    servers = [
        "mcp_servers:\n    # my clock\n    time:\n        command: uvx\n\n    # after\n",
        "mcp_servers:\n  time: {command: uvx}\n",
        "mcp_servers: {}\n",
        "mcp_servers: { time: {command: uvx} }\n",
        "mcp_servers:   # none\n",
    ]
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), draw(st.sampled_from(servers)))
    text = draw(st.sampled_from(["", "", "---\n", "\n"])) + "".join(parts)
    text = text.removesuffix("\n") if draw(st.booleans()) else text + draw(st.sampled_from(["", "# the end\n"]))
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text
