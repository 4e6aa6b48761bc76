"""Put on a server's path, this ends it at the first attempt to reach anything but this machine.

An audit hook cannot be taken back, and sees every connection and every look-up of a name that Python makes.
"""

import os
import sys
from ipaddress import ip_address


def _is_here(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ip_address(host if isinstance(host, str) else str(host, "ascii")).is_loopback  # type: ignore[call-overload]
    except ValueError:
        return False


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect":
        address = arguments[1]
        if not isinstance(address, tuple):  # a socket in the file system
            return
        host = address[0]
    else:
        return
    if not _is_here(host):
        sys.stderr.write(f"OFFLINE: {event} {host!r}\n")
        sys.stderr.flush()
        os._exit(99)


sys.addaudithook(_refuse)
