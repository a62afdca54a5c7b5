"""A real PostgreSQL for tests, of the machine's own installation, in a folder of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from running_server import free_port


@dataclass
class Postgres:
    """One server that can be stopped, killed and started again."""

    programs: Path
    folder: Path
    owner: dict[str, Any]
    """Arguments for subprocesses: PostgreSQL refuses to run as root."""
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"postgresql://test@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port), *settings],
                stdout=log,
                stderr=log,
                **self.owner,
            )
        ready = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "30"]
        for _ in range(100):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
        raise TimeoutError((self.folder / "log").read_text())

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT ends all connections, SIGQUIT does not even write down what it has."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Started, and empty.  Skips the test where there is none."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not here: apt-get install postgresql")
    owner: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # not pytest's, where nobody else may look
    server = Postgres(programs, folder, {**owner, "cwd": folder})
    try:
        if owner:
            shutil.chown(folder, owner["user"], owner["group"])
        command = [programs / "initdb", "-D", folder / "data", "-U", "test", "-A", "trust", "--no-sync", "-E", "UTF8"]
        made = subprocess.run(command, capture_output=True, text=True, check=False, **server.owner)
        assert made.returncode == 0, made.stderr
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    for folder in (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *_on_path()):
        if all((folder / name).exists() for name in ("initdb", "postgres", "pg_isready")):
            return folder
    return None


def _on_path() -> list[Path]:
    found = shutil.which("initdb")
    return [Path(found).resolve().parent] if found else []
