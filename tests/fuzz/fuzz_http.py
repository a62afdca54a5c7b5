"""Misbehaves towards a real server for some time, while another client must be served as if nothing were.

    python tests/fuzz/fuzz_http.py --server granian --seconds 600 [--seed 1]

At the end the same processes must be alive, with no more threads, open files or memory than they had when it was under
way, no reply may have been 5xx but 503 (full) and 504 (too late), and every reply to the other client exact.
"""

import argparse
import os
import random
import re
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "fuzz")]  # as a script, too

from http_requests import VALID, badly_chunked, bomb, garbage, huge_head, mutated, wrong_length  # noqa: E402

from model_packages import dense_network, write_package  # noqa: E402
from running_server import JSON, Server, free_port, running  # noqa: E402

ATTACKERS = 12
BODY = b"[0.5, -1.0, 2.0, 0.25]"
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
ALLOWED_5XX = {501, 503, 504, 505}
"""501 and 505 are the HTTP servers' own, for a transfer coding or a version of HTTP that they do not know."""

COMMANDS = {
    "granian": [sys.executable, "-m", "pyapp"],
    "gunicorn": [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "pyapp:create_app()"],
}


@dataclass
class Seen:
    """What happened so far; `faults` must stay empty."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    served: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Holdings:
    """Of a process."""

    threads: int
    files: int
    mib: float

    @classmethod
    def of(cls, pid: int) -> "Holdings":
        folder = Path(f"/proc/{pid}")
        status = (folder / "status").read_text()
        rss = re.search(r"VmRSS:\s+(\d+)", status)
        return cls(
            len(list((folder / "task").iterdir())),
            len(list((folder / "fd").iterdir())),
            int(rss[1]) / 1024 if rss else 0,
        )


def processes(server: Server) -> list[int]:
    """The main process and its workers."""
    pid = server.process.pid
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def connect(port: int, seconds: float = 5) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def replies(connection: socket.socket, seconds: float = 0.5, most: int = 1 << 20) -> bytes:
    """What comes until the server closes, or nothing comes for so long."""
    connection.settimeout(seconds)
    received = b""
    try:
        while len(received) < most and (piece := connection.recv(1 << 16)):
            received += piece
    except OSError:
        pass
    return received


def reset(connection: socket.socket) -> None:
    """Closes with a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def send_whole(make: Callable[[random.Random], bytes]) -> Callable[[random.Random, int], bytes]:
    """An attack that sends these bytes at once and reads what comes."""

    def attack(rng: random.Random, port: int) -> bytes:
        with connect(port) as connection:
            try:
                connection.sendall(make(rng))
            except OSError:
                pass  # refused in the middle: what was replied counts
            return replies(connection, rng.choice([0.02, 0.1, 0.5]))

    return attack


def slowly(rng: random.Random, port: int) -> bytes:
    """A few bytes at a time, for two seconds at most; then the rest, or never."""
    raw, end = rng.choice(VALID).encode(), time.monotonic() + 2
    with connect(port) as connection:
        while raw and time.monotonic() < end:
            size = rng.randint(1, 9)
            connection.sendall(raw[:size])
            raw = raw[size:]
            time.sleep(0.03)
        if rng.random() < 0.5:
            connection.sendall(raw)
            return replies(connection)
    return b""


def half_closed(rng: random.Random, port: int) -> bytes:
    """Says that it sends no more, and still listens."""
    raw = rng.choice(VALID).encode()
    with connect(port) as connection:
        connection.sendall(raw[: rng.randint(1, len(raw))] if rng.random() < 0.5 else raw)
        connection.shutdown(socket.SHUT_WR)
        return replies(connection)


def gone(rng: random.Random, port: int) -> bytes:
    """Leaves in the middle, or before the reply."""
    raw = rng.choice(VALID).encode()
    with connect(port) as connection:
        connection.sendall(raw[: rng.randint(0, len(raw))])
        if rng.random() < 0.5:
            reset(connection)
    return b""


def silent(rng: random.Random, port: int) -> bytes:
    """Says nothing."""
    with connect(port):
        time.sleep(rng.random())
    return b""


def pipelined(rng: random.Random, port: int) -> bytes:
    """Many requests at once, all of which are answered, in order, on one connection."""
    count = rng.randint(2, 30)
    with connect(port) as connection:
        connection.sendall(VALID[0].encode() * count)
        received = replies(connection, 3, most=count * 5000)
    if (answered := received.count(b"HTTP/1.1 200")) != count:
        raise AssertionError(f"{count} requests at once had {answered} answers: {received[-300:]!r}")
    return received


def deaf(rng: random.Random, port: int) -> bytes:
    """Asks for much and does not read it."""
    with connect(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(1)
        try:
            connection.sendall(rng.choice(VALID).encode() * 200)
        except OSError:
            pass  # its buffers are full, as meant
        time.sleep(rng.random())
        reset(connection)
    return b""


ATTACKS: dict[str, tuple[float, Callable[[random.Random, int], bytes]]] = {
    "mutated": (10, send_whole(mutated)),
    "badly chunked": (4, send_whole(badly_chunked)),
    "wrong length": (4, send_whole(wrong_length)),
    "huge head": (1, send_whole(huge_head)),
    "garbage": (3, send_whole(garbage)),
    "bomb": (0.2, send_whole(bomb)),
    "slow": (1, slowly),
    "half closed": (3, half_closed),
    "gone": (4, gone),
    "silent": (1, silent),
    "pipelined": (1, pipelined),
    "deaf": (1, deaf),
}


def attack(seed: int, port: int, seen: Seen, lock: threading.Lock, stop: threading.Event) -> None:
    """One misbehaving client after the other."""
    rng = random.Random(seed)
    names, weights = list(ATTACKS), [weight for weight, _ in ATTACKS.values()]
    while not stop.is_set():
        name = rng.choices(names, weights)[0]
        try:
            received = ATTACKS[name][1](rng, port)
        except OSError:  # closed while it was sending
            received = b""
        except AssertionError as error:
            with lock:
                seen.faults.append(str(error))
            received = b""
        codes = [int(code) for code in STATUS.findall(received)]
        with lock:
            seen.sent[name] += 1
            seen.answers.update(codes)
            for code in codes:
                if code >= 500 and code not in ALLOWED_5XX:
                    seen.faults.append(f"{name} was answered {code}: {received[:300]!r}")


def bystand(server: Server, expected: bytes, seen: Seen, stop: threading.Event, kept: bool) -> None:
    """The client that must not notice anything."""
    while not stop.is_set():
        with server.connect() as connection:
            for _ in range(200 if kept else 1):
                begin = time.monotonic()
                try:
                    connection.request("POST", "/classify?model=small", BODY, JSON)
                    reply = connection.getresponse()
                    text = reply.read()
                except Exception as error:  # whatever it is, this client did nothing wrong
                    seen.faults.append(f"the other client met {error!r}")
                    break
                if (reply.status, text) != (200, expected):
                    seen.faults.append(f"the other client got {reply.status}: {text[:300]!r}")
                seen.slowest = max(seen.slowest, time.monotonic() - begin)
                seen.served += 1
                if stop.wait(0.01):
                    return


def fuzz(server: Server, seconds: float, seed: int) -> Seen:
    """Attacks for so long; what came of it."""
    with server.connect() as connection:
        connection.request("POST", "/classify?model=small", BODY, JSON)
        expected = connection.getresponse().read()
    seen, lock, stop = Seen(), threading.Lock(), threading.Event()
    threads = [
        threading.Thread(target=attack, args=(seed * 1000 + i, server.port, seen, lock, stop)) for i in range(ATTACKERS)
    ]
    threads += [threading.Thread(target=bystand, args=(server, expected, seen, stop, kept)) for kept in (True, False)]
    for thread in threads:
        thread.start()
    time.sleep(seconds * 0.4)  # by then threads, buffers and caches are what they are going to be
    before = {pid: Holdings.of(pid) for pid in processes(server)}
    time.sleep(seconds * 0.6)
    stop.set()
    for thread in threads:
        thread.join()
    time.sleep(2)  # connections that were left are noticed
    check_holdings(server, before, seen)
    log = server.log.read_text(errors="replace")
    seen.faults += [
        f"in the log: {line}" for line in log.splitlines() if re.search(r"Traceback|panicked|Segmentation", line)
    ]
    return seen


def check_holdings(server: Server, before: dict[int, Holdings], seen: Seen) -> None:
    """The same processes, with no more than they had."""
    if server.process.poll() is not None or set(processes(server)) != set(before):
        seen.faults.append(f"processes {sorted(before)} have become {processes(server)}")
        return
    for pid, then in before.items():
        now = Holdings.of(pid)
        print(f"process {pid}: {then} -> {now}")
        if now.threads > then.threads + 8 or now.files > then.files + 8 or now.mib > then.mib * 1.1 + 24:
            seen.faults.append(f"process {pid} had {then}, and has {now}")


def write_store(folder: Path) -> Path:
    """mnist, which takes pictures, and a small network."""
    (folder / "mnist").mkdir(parents=True)
    (folder / "mnist" / "2").symlink_to(ROOT / "models" / "mnist" / "2")
    write_package(folder / "small" / "1", *dense_network([4, 8, 3]))
    return folder


def main() -> None:
    """Returns 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=COMMANDS, default="granian")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        os.environ |= {"SERVING_MODELS": str(write_store(Path(folder) / "models")), "PORT": str(port)}
        with running(Path(folder) / "log", COMMANDS[options.server], port) as server:
            seen = fuzz(server, options.seconds, options.seed)
    print(f"sent {dict(seen.sent)}\nanswers {dict(sorted(seen.answers.items()))}")
    print(f"the other client: {seen.served} answers, the slowest {seen.slowest * 1000:.0f} ms")
    for fault, times in Counter(seen.faults).most_common(50):
        print(f"FAULT ×{times}: {fault}")
    sys.exit(bool(seen.faults))


if __name__ == "__main__":
    main()
