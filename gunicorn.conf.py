"""Read by `gunicorn 'pyapp:create_app()'` in this folder, or by `gunicorn -c …/gunicorn.conf.py 'pyapp:create_app()'`.

docs/operating.md says when this is the server to take.
"""

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

# numpy brings an OpenBLAS with threads of its own, which nothing here needs.  Read when numpy is imported: just below.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker

from pyapp import Config, ConfigError, sockets
from pyapp.access_log import configure as configure_log
from pyapp.worker import DRAIN_SECONDS, SWITCH_SECONDS, Guarded, refuse_connections

try:
    _config = Config.read()
except ConfigError as error:
    sys.exit(f"Error: {error.format_message()}")


configure_log(_config)

STALL_SECONDS = 60
"""A client that sends nothing for so long in the middle of its body, or takes nothing of a reply, loses its thread."""


def post_worker_init(worker: "Worker") -> None:
    """Called in a new worker when it has loaded the app: it follows the models itself, and guards its port."""
    sys.setswitchinterval(SWITCH_SECONDS)
    worker.app.wsgi().extensions["serving"].watcher.ensure()
    worker.wsgi = Guarded(worker.wsgi)
    if worker.sockets[0].family != socket.AF_UNIX:
        worker.wsgi.watch(worker.sockets[0].getsockname()[:2], _config.deadline)


class Worker(ThreadWorker):
    """gthread, which keeps connections and has a thread per request: those that wait together share a batch.

    When told to stop, gthread itself leaves alone what the kernel has accepted for it, and these connections are reset
    when it ends.  This one goes on for a second, in which each reply asks the client to close the connection.  Then it
    closes the port, having taken what is left; and where the main process stops too, nothing comes after that.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """With False, called when the worker begins to stop (and when it has too many connections)."""
        if self.alive or enabled:
            super().set_accept_enabled(enabled)
            return
        self.wsgi.stopping = True
        self._serve_for(DRAIN_SECONDS)
        for listener in self.sockets:
            if sys.platform == "linux" and not _is_held_by(os.getppid(), listener):
                refuse_connections(listener)
        self._serve_for(0.1)
        super().set_accept_enabled(False)
        for listener in self.sockets:
            listener.close()
        self.sockets = []

    def is_parent_alive(self) -> bool:
        """If not, the worker stops as if it had been told to."""
        self.alive = self.alive and super().is_parent_alive()
        return bool(self.alive)

    def handle_request(self, req: Request, conn: TConn) -> bool:
        """The thread is this connection's, and blocks, until the reply is sent."""
        conn.sock.settimeout(STALL_SECONDS)
        return bool(super().handle_request(req, conn))

    def _serve_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.notify()
            self.wait_for_and_dispatch_events(timeout=0.05)


def _is_held_by(pid: int, listener: socket.socket) -> bool:
    """If the main process has the port open, it has not been told to stop, and other workers go on listening."""
    wanted = f"socket:[{os.fstat(listener.fileno()).st_ino}]"
    try:
        entries = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # another user's
        return True
    for entry in entries:
        with suppress(OSError):  # closed in the meantime
            if str(entry.readlink()) == wanted:
                return True
    return False


bind = f"0.0.0.0:{_config.port}"
worker_class = Worker

# Only requests of one process share batches, so one worker is the rule; see docs/operating.md.  WEB_CONCURRENCY, which
# Heroku sets by the size of its machine, is not followed.
workers = _config.workers
# A thread waits for its request's answer, without the GIL: as many as requests that may be in a batch together.
threads = _config.threads if "SERVING_THREADS" in _config.given else 32

# The models are loaded once, before the fork: all workers share their memory, and a new one answers at once.
preload_app = True

# Routers and proxies keep idle connections for a minute or more (Heroku's: 90 s).  Who closes first must be they: a
# request sent while the server closes is lost.
keepalive = 95

# After SIGTERM; platforms kill after 30 s.
graceful_timeout = 20

worker_connections = 1000
sockets.allow(worker_connections)

# Commands to a running server have no place beside signals, and the socket for them would need a folder to write to.
control_socket_disable = True

# No max_requests: gthread resets connections when it replaces a worker for it.
