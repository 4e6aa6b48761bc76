"""`omoide serve --open`: open the page in a browser once the server answers.

A process of its own waits and opens: the supervisor forks, so it cannot have threads, and a browser that hangs or fails
must not affect the server.
"""

from __future__ import annotations

import http.client
import logging
import os
import subprocess
import sys
import time
from ipaddress import ip_address
from urllib.parse import urlsplit

from omoide.core.lazy_import import lazy_import

with lazy_import("webbrowser"):
    import webbrowser

logger = logging.getLogger("omoide.processes")

WAIT_SECONDS = 120.0
"""A server that migrates a large database answers late."""
POLL_SECONDS = 0.1
_started: list[subprocess.Popen[bytes]] = []
"""Kept, because an object that is freed before its process ends causes a warning."""


def open_when_ready(url: str) -> None:
    """Start the process that opens `url`. It ends when it has, when the server ends, or after a while."""
    command = [sys.executable, "-m", "omoide.cli.open_page", url]
    try:  # in a session of its own: Ctrl+C stops the server, not the browser
        _started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True))
    except OSError as error:
        logger.warning("cannot open %s in a browser: %s", url, error.strerror)


def page_url(host: str, port: int, *, has_page: bool) -> str:
    """The URL of the page, or of the API's documentation without it, of a server that listens on `host`."""
    try:
        address = ip_address(host)
    except ValueError:
        shown = host
    else:
        if address.is_unspecified:  # no address to connect to, everywhere
            address = ip_address("::1" if address.version == 6 else "127.0.0.1")
        shown = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{shown}:{port}{'/ui/' if has_page else '/docs'}"


def open_now(url: str) -> bool:
    """Open `url` in a graphical browser, or in what BROWSER names. Returns whether there is one."""
    os.environ.pop("TERM", None)  # without it, webbrowser does not consider browsers that would take over the terminal
    on_screen = sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))
    try:
        return on_screen and webbrowser.open(url)
    except (OSError, webbrowser.Error):
        return False


def answers(url: str) -> bool:
    """Whether a server answers there, whatever it says."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", "/health")
        return bool(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(url: str) -> None:
    """Wait until the server, which is the parent process, answers; then open the page or print its address."""
    server = os.getppid()
    deadline = time.monotonic() + WAIT_SECONDS
    while not answers(url):
        if os.getppid() != server or time.monotonic() > deadline:
            return
        time.sleep(POLL_SECONDS)
    if not open_now(url):
        sys.stderr.write(f"No browser to open here. The page is {url}\n")


if __name__ == "__main__":
    main(sys.argv[1])
