"""Addresses of endpoints: whether one can be asked, and how it is shown without passwords, keys and tokens.

An address that is shown keeps what helps to find a mistake in it: the scheme, the host, the port, the names of query
parameters and those parts of the path that are usual for APIs. Anything else may be a secret and is replaced.
"""

from __future__ import annotations

import re

HIDDEN = "***"

# One address in a text. What precedes an "@" may hold any character; punctuation at the end belongs to the sentence.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://(?:\S*@[^\s\"'<>`]*|[^\s\"'<>`]+)(?<![.,;:!?)}\\])")
_PARTS = re.compile(r"(?P<scheme>[^:]+)://(?P<rest>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?", re.DOTALL)
_ENDPOINT = re.compile(
    r"https?://([^\s/?#]*@)?(\[[0-9a-f:.%]+\]|[^\s/?#@:\[\]\\]+)(:[0-9]{1,5})?([/?#]\S*)?", re.IGNORECASE
)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]\\]+)(?::[0-9]{0,5})?")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
_USUAL = re.compile(
    r"|v[0-9]{1,2}([.][0-9]{1,2})?((alpha|beta)[0-9]{0,2})?"
    r"|api|apis|chat|compat|compatible|compatible-mode|completions|deployments|embeddings|engines|gateway|inference"
    r"|llm|messages|models|openai|anthropic|google|proxy|responses|rest|serverless|v1beta"
)
"""Parts of a path that are no secret."""

# A parameter outside of an address, as in the words of an endpoint that quotes the path that was asked for.
_NAMED_SECRET = re.compile(
    r"([?&][A-Za-z0-9_.-]{0,32}(?:key|token|secret|password|passwd|pwd|sig|signature|auth|credential|code)=)[^\s&#\"'<>]+",
    re.IGNORECASE,
)


def is_endpoint(url: str) -> bool:
    """Whether an HTTP client can be given this address."""
    return _ENDPOINT.fullmatch(url) is not None


def shown_address(url: str) -> str:
    """The address without user, password, values of parameters, fragment and unusual parts of its path."""
    # A password may hold any of the characters that end it elsewhere: it reaches up to the last "@".
    scheme, separator, after = url.partition("://")
    if not separator:
        return HIDDEN if url else ""
    _, at, after = after.rpartition("@")
    parts = _PARTS.fullmatch(f"{scheme}://{after}")
    if parts is None:
        return f"{scheme}://{HIDDEN}"
    host, *path = parts["rest"].split("/")
    shown = host if _HOST.fullmatch(host) else HIDDEN
    if at:
        shown = f"{HIDDEN}@{shown}"
    shown = "/".join([shown, *(part if _USUAL.fullmatch(part) else HIDDEN for part in path)])
    query = _shown_query(parts["query"][1:]) if parts["query"] else ""
    return f"{scheme}://{shown}{query}{f'#{HIDDEN}' if parts['fragment'] else ''}"


def without_secrets(text: str) -> str:
    """The text with every address in it as `shown_address` gives it, and without the values of secret parameters."""
    if "://" in text:
        text = _ADDRESS.sub(lambda found: shown_address(found[0]), text)
    return _NAMED_SECRET.sub(rf"\1{HIDDEN}", text) if "?" in text or "&" in text else text


def _shown_query(query: str) -> str:
    named = [part.partition("=")[::2] for part in query.split("&")]
    return "?" + "&".join(
        f"{name}={HIDDEN}" if value and _PARAMETER.fullmatch(name) else HIDDEN for name, value in named
    )
