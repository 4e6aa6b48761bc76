"""Validate endpoint URLs, and redact passwords, keys and tokens in URLs before they are shown.

A redacted URL keeps the parts that help to find a mistake: scheme, host, port, names of query parameters, and path
segments that are common in APIs. Everything else may be a secret and is replaced.
"""

from __future__ import annotations

import re

REDACTED = "***"

# A URL in a text. The part before an "@" may contain any character; trailing punctuation belongs to the sentence.
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
"""Path segments that are not secret."""

# A parameter without a URL, as in the error of an endpoint that quotes the requested path.
_NAMED_SECRET = re.compile(
    r"([?&][A-Za-z0-9_.-]{0,32}(?:key|token|secret|password|passwd|pwd|sig|signature|auth|credential|code)=)[^\s&#\"'<>]+",
    re.IGNORECASE,
)


_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|ghs|github_pat|glpat|xox[abeprs]|AKIA|ASIA|AIza|ya29)[-_.]?[A-Za-z0-9_-]{8,}"
    r"|\beyJ[\w-]+(?:\.[\w-]+)*|(?<=\bBearer )\S+|(?<=\bBasic )\S{8,}"
    r"|(?<![\w/+-])(?=[\w/+-]*\d)(?=[\w/+-]*[A-Za-z])[\w/+-]{32,}=*"
)
"""What looks like a key or a token."""
_NAMED_KEY = re.compile(
    r"(\b(?:(?:api|access)[-_ ]?key|key|token|secret|pass(?:word|wd|phrase|code)|pwd|pin)\b"
    r"[\"']?\s*(?:is|=|:)\s*[\"']?)[^\s\"',;]+",
    re.IGNORECASE,
)


def is_http_url(url: str) -> bool:
    """Whether the text is a URL that an HTTP client accepts."""
    return _ENDPOINT.fullmatch(url) is not None


def redact_url(url: str) -> str:
    """The URL without user, password, parameter values, fragment and uncommon path segments."""
    # A password may contain any delimiter, so it extends to the last "@".
    scheme, separator, after = url.partition("://")
    if not separator:
        return REDACTED if url else ""
    _, at, after = after.rpartition("@")
    parts = _PARTS.fullmatch(f"{scheme}://{after}")
    if parts is None:
        return f"{scheme}://{REDACTED}"
    host, *path = parts["rest"].split("/")
    shown = host if _HOST.fullmatch(host) else REDACTED
    if at:
        shown = f"{REDACTED}@{shown}"
    shown = "/".join([shown, *(part if _USUAL.fullmatch(part) else REDACTED for part in path)])
    query = _redact_query(parts["query"][1:]) if parts["query"] else ""
    return f"{scheme}://{shown}{query}{f'#{REDACTED}' if parts['fragment'] else ''}"


def redact_secrets(text: str) -> str:
    """The text with every URL redacted by `redact_url`, and without the values of secret parameters."""
    if "://" in text:
        text = _ADDRESS.sub(lambda match: redact_url(match[0]), text)
    return _NAMED_SECRET.sub(rf"\1{REDACTED}", text) if "?" in text or "&" in text else text


def redact_keys(text: str) -> str:
    """The text as by `redact_secrets`, and without what looks like a key, a token or a password."""
    return _NAMED_KEY.sub(rf"\1{REDACTED}", _KEY.sub(REDACTED, redact_secrets(text)))


def _redact_query(query: str) -> str:
    named = [part.partition("=")[::2] for part in query.split("&")]
    return "?" + "&".join(
        f"{name}={REDACTED}" if value and _PARAMETER.fullmatch(name) else REDACTED for name, value in named
    )
