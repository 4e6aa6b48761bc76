"""Create the files shipped from the wordllama package: `python -m tests.inference.wordllama_data`.

The weights are its unchanged file. The ranks are computed from its tokenizer; see omoide/inference/llama_tokenizer.py.
"""

from __future__ import annotations

import gzip
import json
import shutil
from binascii import b2a_base64
from pathlib import Path

import wordllama  # type: ignore[import-untyped]

from omoide.inference import llama_tokenizer, wordllama_embedder
from omoide.inference.llama_tokenizer import BLANK, SPECIAL

PACKAGE = Path(wordllama.__file__).parent
TOKENIZER = PACKAGE / "tokenizers" / "l2_supercat_tokenizer_config.json"
WEIGHTS = PACKAGE / "weights" / wordllama_embedder.WEIGHTS.name
RANKS = Path(llama_tokenizer.__file__).parent / llama_tokenizer.RANKS_FILE


def ranks() -> bytes:
    """The lines of the ranks file."""
    model = json.loads(TOKENIZER.read_text())["model"]
    ids: dict[str, int] = model["vocab"]
    spelled = [ids[f"<0x{byte:02X}>"] for byte in range(256)]
    joined = [*dict.fromkeys(merge.replace(" ", "") for merge in model["merges"])]  # the first to be merged first
    others = {*joined, *SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))}
    characters = [token for token in ids if token not in others]
    found: dict[bytes, tuple[int, ...]] = {}
    for byte in range(256):
        known = ids.get(BLANK if byte == ord(" ") else chr(byte)) if byte < 0x80 else None
        found[bytes([byte])] = (spelled[byte] if known is None else known,)
    for character in characters:
        whole = _bytes(character)
        for end in range(2, len(whole)):
            found.setdefault(whole[:end], tuple(spelled[byte] for byte in whole[:end]))
    for token in [*characters, *joined]:
        found.setdefault(_bytes(token), (ids[token],))
    return b"".join(b"%b %b\n" % (b2a_base64(key, newline=False), _listed(value)) for key, value in found.items())


def _bytes(token: str) -> bytes:
    return token.replace(BLANK, " ").encode()


def _listed(ids: tuple[int, ...]) -> bytes:
    return ",".join(map(str, ids)).encode()


if __name__ == "__main__":
    RANKS.write_bytes(gzip.compress(ranks(), mtime=0))
    shutil.copyfile(WEIGHTS, wordllama_embedder.WEIGHTS)
