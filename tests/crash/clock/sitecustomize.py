"""Put on a server's path, this lets a test set the clock of all its processes while they run.

The file that TEST_CLOCK names holds by how many seconds the time of day is to be off. What counts from some start of
its own, as time.monotonic does, is left alone, as it is when somebody sets a real clock.
"""

import mmap
import os
import struct
import time
from collections.abc import Callable

with open(os.environ["TEST_CLOCK"], "rb") as _file:
    _offset = mmap.mmap(_file.fileno(), 8, prot=mmap.PROT_READ)


def _set(real: Callable[[], int]) -> Callable[[], int]:
    return lambda: real() + struct.unpack("<q", _offset[:8])[0] * 1_000_000_000


time.time_ns = _set(time.time_ns)
time.time = lambda: time.time_ns() / 1e9
