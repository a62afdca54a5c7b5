"""A client process that asks at fixed times, whatever comes back, and checks each reply to the last byte.

    python steady_load.py PLAN OUT      until its standard input is closed

PLAN is JSON: `port`, `path`, `bodies`, `rate` (requests/s), `connections`, and `expected`: version → the reply to each
body.  OUT becomes an .npz file of `due`, `done` (time.monotonic()) and `version` of each reply, and `faults`, texts.
Times count from when a request was due, so that a server that stops for a moment is seen by all that were due in it.
"""

import json
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

MAX_FAULTS = 100
VERSION = b"x-model-version:"
LENGTH = b"content-length:"


class Connection:
    """One at a time is asked on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.due = 0.0
        self.body = 0

    def reply(self) -> tuple[bytes, bytes] | None:
        """Head, in lower case, and body, once both are there.  Raises OSError when the server has closed."""
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise ConnectionError("closed without a reply")
        self.received += piece
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.received[:end].lower()
        body = self.received[end + 4 :]
        if len(body) < int(value_of(head, LENGTH)):
            return None
        self.received = b""
        return head, body


def value_of(head: bytes, name: bytes) -> bytes:
    at = head.find(name)
    return head[at + len(name) :].split(b"\r\n", 1)[0].strip() if at >= 0 else b"0"


def encode(path: str, body: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Asks until standard input is closed, and waits for the last replies."""
    requests = [encode(plan["path"], body) for body in plan["bodies"]]
    expected = {int(version): [reply.encode() for reply in replies] for version, replies in plan["expected"].items()}
    poll = select.epoll()
    poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    connections: dict[int, Connection] = {}
    idle: deque[Connection] = deque()
    seen: list[tuple[float, float, int]] = []
    faults: list[str] = []

    def open_one() -> None:
        made = Connection(plan["port"])
        connections[made.socket.fileno()] = made
        poll.register(made.socket.fileno(), select.EPOLLIN)
        idle.append(made)

    def give_up(connection: Connection, why: str) -> None:
        faults.append(f"at {connection.due:.3f}: {why}")
        poll.unregister(connection.socket.fileno())
        del connections[connection.socket.fileno()]
        connection.socket.close()
        if len(faults) < MAX_FAULTS:
            open_one()

    def take(connection: Connection) -> None:
        try:
            reply = connection.reply()
        except OSError as error:
            give_up(connection, repr(error))
            return
        if reply is None:
            return
        head, body = reply
        version = int(value_of(head, VERSION))
        seen.append((connection.due, time.monotonic(), version))
        if not head.startswith(b"http/1.1 200"):
            faults.append(f"at {connection.due:.3f}: {head[:40]!r} {body[:200]!r}")
        elif version not in expected or body != expected[version][connection.body]:
            faults.append(f"at {connection.due:.3f}: not what version {version} answers: {body[:200]!r}")
        idle.append(connection)

    for _ in range(plan["connections"]):
        open_one()
    begin, sent, stopping = time.monotonic(), 0, 0.0
    while not stopping or (len(idle) < len(connections) and time.monotonic() < stopping + 10):
        due = begin + sent / plan["rate"]
        while not stopping and idle and due <= time.monotonic():
            connection = idle.popleft()
            connection.due, connection.body = due, sent % len(requests)
            try:
                connection.socket.sendall(requests[connection.body])
            except OSError as error:
                give_up(connection, repr(error))
            sent += 1
            due = begin + sent / plan["rate"]
        for descriptor, _ in poll.poll(max(0.0, due - time.monotonic()) if idle and not stopping else 0.1):
            if descriptor == sys.stdin.fileno():
                stopping = stopping or time.monotonic()
                poll.unregister(descriptor)
            elif descriptor in connections:
                take(connections[descriptor])
        if len(faults) >= MAX_FAULTS:
            break
    faults += [f"at {c.due:.3f}: no reply at all" for c in connections.values() if c not in idle and stopping]
    columns = np.array(seen, np.float64).reshape(-1, 3)
    return {"due": columns[:, 0], "done": columns[:, 1], "version": columns[:, 2].astype(np.int64), "faults": faults}


if __name__ == "__main__":
    np.savez(sys.argv[2], **run(json.loads(Path(sys.argv[1]).read_text())))
