"""Entry point of `omoide` and `python -m omoide`.

The garbage collector is disabled during start-up, because import-time objects never become garbage. `cli.start` enables
it once the application exists.

numpy is limited to one thread per process: there are several processes, the vectors are short, and synchronizing
threads costs more than it gains.

Ctrl+C during the imports ends the process silently; afterwards each command handles it.
"""

import gc
import os
import signal

_interrupted = signal.getsignal(signal.SIGINT)
if _interrupted is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
gc.disable()
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from omoide.cli.main import main  # noqa: E402  # the collector is disabled for these imports

if _interrupted is signal.default_int_handler:
    signal.signal(signal.SIGINT, _interrupted)

if __name__ == "__main__":
    main()
