"""The sockets of this process, which granian has out of Python's reach.  All but `allow` is Linux only."""

import resource
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ESTABLISHED = 1
_LAST_SENT, _LAST_RECEIVED, _BYTES_ACKED = 44, 52, 120
"""Where struct tcp_info (linux/tcp.h) has the milliseconds since data was sent and since it came, and what was sent."""

_OTHER_FILES = 256
"""That a process has open beside its connections, at most."""


def allow(connections: int) -> None:
    """Lets this process and its children have so many, as far as the system permits: 1,024 files are usual at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):  # macOS has a limit that the hard one does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def of_this_process() -> Iterator[socket.socket]:
    """Each of them, as a copy that is closed when the next one is asked for."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was closed in the meantime
            # socket.fromfd copies a descriptor first, and loses the copy where it is no socket's
            if stat.S_ISSOCK(entry.stat().st_mode):
                with socket.fromfd(int(entry.name), socket.AF_INET, socket.SOCK_STREAM) as found:
                    yield found


def listeners() -> Iterator[socket.socket]:
    """Those that take connections."""
    return (found for found in of_this_process() if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def shut_stalled(port: int, seconds: float) -> int:
    """Shuts connections to that port whose clients wait for a reply and have sent nothing for so long; how many.

    A server that still reads such a request sees its end.  Idle connections, which have had their reply, are let be.
    """
    return sum(_shut_if_stalled(found, port, seconds) for found in of_this_process())


def _shut_if_stalled(found: socket.socket, port: int, seconds: float) -> bool:
    try:
        name = found.getsockname()
        if not isinstance(name, tuple) or name[1] != port:
            return False
        told = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        (sent,), (received,) = (struct.unpack_from("I", told, at) for at in (_LAST_SENT, _LAST_RECEIVED))
        (acked,) = struct.unpack_from("Q", told, _BYTES_ACKED)
        if told[0] != _ESTABLISHED or received < seconds * 1000 or (acked > 0 and received >= sent):
            return False
        found.shutdown(socket.SHUT_RDWR)
    except OSError:  # it closes just now
        return False
    return True
