"""BERT models in ONNX files that are shipped with the package, run by onnxruntime on the processor.

Loaded at first use. One text is run at a time: the weights are 8-bit integers, and the scale of the activations is that
of the whole input, so that in a batch a text's result would depend on the others. A batch is no faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from omoide.core.lazy_import import lazy_import, package_folder
from omoide.inference.embedders import EmbeddingFailed

with lazy_import("ctypes", "numpy", "onnxruntime"):
    import ctypes

    import numpy as np
    import onnxruntime

if TYPE_CHECKING:
    import numpy.typing as npt

DATA = Path(__file__).parent / "data"
PACKAGE = "onnxruntime"
LIBRARY = "capi/onnxruntime_pybind11_state*"
ERRORS_ONLY = 3

Output = "npt.NDArray[np.float32]"


def unavailable_reason() -> str | None:
    """Why models cannot run on this machine, as a sentence for the operator; None if they can."""
    return _unavailable_reason(PACKAGE)


@cache
def _unavailable_reason(package: str) -> str | None:
    folder = package_folder(package)
    if folder is None:
        return f"The package {package} is not installed."
    libraries = [*folder.glob(LIBRARY)]
    if not libraries:
        return f"The package {package} has no library for this Python."
    # Loading it takes 3 ms, importing the package with numpy 150: enough to see whether it fits this system.
    try:
        for library in libraries:
            if library.suffix == ".so":  # Windows finds what a library requires during the import only
                ctypes.CDLL(str(library))
    except OSError as error:
        return f"The package {package} cannot be loaded: {error}."
    return None


class OnnxModel:
    """A model with the inputs of BERT. Thread-safe."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """`threads` compute one text; several calls run in parallel in any case."""
        self._path = path
        self._threads = threads
        self._session: Any = None
        self._loading = Lock()

    def run(self, ids: Sequence[int], type_ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """The first output for one text, without the dimension of the batch.

        Raises EmbeddingFailed if the model cannot be loaded.
        """
        session = self._session or self._loaded()
        inputs = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, len(ids)), np.int64),
            "token_type_ids": np.array([type_ids], np.int64),
        }
        output: npt.NDArray[np.float32] = session.run(None, inputs)[0][0]
        return output

    def warm(self) -> None:
        """Load the model now: about 0.2 s, and 50 to 80 MB."""
        self._loaded()

    def _loaded(self) -> Any:
        with self._loading:
            if self._session is None:
                try:
                    self._session = _session(self._path, self._threads)
                except Exception as error:  # its own errors derive from Exception only
                    raise EmbeddingFailed(f"{self._path.name} cannot be loaded: {error}", retryable=False) from error
        return self._session


def _session(path: Path, threads: int) -> Any:
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    # The arena keeps the memory of the longest text, 20 MB for two models, and is hardly faster than malloc.
    options.enable_cpu_mem_arena = False
    # Threads that wait would otherwise use a processor.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
