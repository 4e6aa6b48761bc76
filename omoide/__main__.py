"""The door of the process: `omoide`, and `python -m omoide`.

The garbage collector rests until the server is made: what loads and compiles at start stays, so that looking through
it, again and again as it grows, finds nothing. `cli.start` starts the collector once the application is there.

Each process computes in one thread: there are several of them, the vectors here are short, and threads of numpy's that
wait for each other's share cost more than they bring.

Ctrl+C while all that loads ends the process without a word; once it is loaded each command says what it means.
"""

import gc
import os
import signal

_interrupted = signal.getsignal(signal.SIGINT)
if _interrupted is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
gc.disable()
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from omoide.cli.main import main  # noqa: E402  # what it imports is what the collector rests for

if _interrupted is signal.default_int_handler:
    signal.signal(signal.SIGINT, _interrupted)

if __name__ == "__main__":
    main()
