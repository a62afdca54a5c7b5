"""Is the port free, and if not, who holds it?"""

import errno
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"


class PortError(Exception):
    """The address cannot be listened on; the message says why and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class Process:
    """A process that listens on the port."""

    pid: int
    parent: int
    name: str
    command: str


def resolve(host: str) -> str:
    """`host` as an IP address.  Raises PortError."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][4][0])
    except (OSError, UnicodeError):
        raise PortError(f"{host!r} is no address of this machine; try 127.0.0.1, or 0.0.0.0 for all of them") from None


def check_free(address: str, port: int) -> int:
    """The port, which can be bound now; if 0, one that the system chose.  Raises PortError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise PortError(_why(error, address, port)) from None
        return int(probe.getsockname()[1])


def _why(error: OSError, address: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return _in_use(port)
    if error.errno == errno.EACCES:
        return f"port {port} is for privileged processes only; choose one from 1024: --port 5000"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is no address of this machine; try 127.0.0.1, or 0.0.0.0 for all of them"
    return f"cannot listen on {address} port {port}: {error.strerror}"


def _in_use(port: int) -> str:
    found = holders(port)
    lines = [f"port {port} is in use" + ("" if found else ", by a process that this user may not see")]
    lines += [f"  held by PID {process.pid}, {process.name}: {_printable(process.command)}" for process in found]
    if found:
        lines.append(f"  stop it:              kill {' '.join(str(process.pid) for process in found)}")
    else:
        lines.append(f"  find it:              sudo lsof -nP -iTCP:{port} -sTCP:LISTEN")
    if any(process.name.startswith("ControlCe") for process in found):
        lines.append("  (that is macOS's AirPlay Receiver: System Settings, General, AirDrop & Handoff)")
    other = port + 1 if port < 65_535 else 5000
    lines.append(f"  or use another port:  --port {other}   or   PORT={other} make run")
    return "\n".join(lines)


def holders(port: int) -> list[Process]:
    """The processes to stop so that a TCP port becomes free; those of other users only if the system tells."""
    pids = _pids_proc(port) if sys.platform == "linux" else _pids_lsof(port)
    return sorted({_first(process) for process in map(_process, pids) if process})


def _first(process: Process) -> Process:
    """A server's worker is replaced when it dies: the one to stop is its ancestor that runs the same command."""
    parent = _process(process.parent)
    return process if parent is None or parent.command != process.command else _first(parent)


def _pids_proc(port: int) -> Iterator[int]:
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or it is another user's
            if any(str(link.readlink()) in wanted for link in (folder / "fd").iterdir()):
                yield int(folder.name)


def _listening(table: Path, port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on the port.  Columns: number, local address:port, remote, state, …"""
    with suppress(OSError):
        for row in table.read_text().splitlines()[1:]:
            columns = row.split()
            if columns[3] == _LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                yield columns[9]


def _pids_lsof(port: int) -> Iterator[int]:
    yield from map(int, _output("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t").split())


def _process(pid: int) -> Process | None:
    """None if there is no such process (any more)."""
    if sys.platform != "linux":
        parent = _output("ps", "-o", "ppid=", "-p", str(pid)).strip()
        name = Path(_output("ps", "-o", "comm=", "-p", str(pid)).strip()).name
        command = _output("ps", "-o", "command=", "-p", str(pid)).strip()
        return Process(pid, int(parent), name, command) if parent else None
    folder = Path("/proc") / str(pid)
    try:
        # The name stands in parentheses and may hold anything; the state and the parent's PID come after it.
        parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        name = (folder / "comm").read_text(errors="replace").strip()
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return Process(pid, int(parent), name, command)
    except OSError:
        return None


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _printable(command: str, width: int = 100) -> str:
    clean = "".join(letter if letter.isprintable() else " " for letter in command)
    return clean if len(clean) <= width else clean[: width - 1] + "…"
