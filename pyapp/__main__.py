"""`python -m pyapp`: the app on granian, a server that stands up to production."""

import logging
import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import click
from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from . import create_app, door, port, sockets, worker
from .access_log import configure as configure_log
from .config import Config, bounds, meaning

KEEP_IDLE_SECONDS = 95
"""Routers and proxies keep idle connections for up to 90 s.  Who closes first must be they: a request that is sent
while the server closes is lost."""

MOST_CONNECTIONS = 16_384
"""Of a worker.  granian would leave those beyond 1,024 unanswered; idle ones count."""


def _option(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """--name, which goes over the environment; help and range come from the table of settings."""
    limits = bounds(name)
    return click.option(f"--{name}", type=click.IntRange(*limits) if limits else str, help=meaning(name))


@click.command()
@_option("host")
@_option("port")
@_option("threads")
@_option("workers")
def main(**chosen: str | int | None) -> None:
    """Serves the models in SERVING_MODELS, and the page, over HTTP."""
    serve(replace(Config.read(), **{name: value for name, value in chosen.items() if value is not None}))  # type: ignore[arg-type]


def serve(config: Config) -> None:
    """Serves until SIGTERM or Ctrl+C; what was accepted by then is answered."""
    try:
        address = port.resolve(config.host)
        free = port.check_free(address, config.port)
    except port.PortError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    sockets.allow(MOST_CONNECTIONS)
    server = Granian(
        "pyapp",
        address=address,
        port=free,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=KEEP_IDLE_SECONDS * 1000),
        websockets=False,
        workers=config.workers,
        blocking_threads=config.threads,
        backpressure=MOST_CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=20,
    )
    # Requests that wait do so in the engine, without the GIL: granian's warning of "quite high" threads is for others.
    logging.getLogger("_granian").addFilter(lambda record: "quite high" not in record.getMessage())
    configure_log(config)
    # The models are loaded once, here: the workers share their memory, and one that replaces another answers at once.
    app = create_app(config)
    server.on_reload(app.extensions["serving"].watcher.look)  # SIGHUP: new workers, with what is there and decided then
    multiprocessing.set_start_method("fork", force=True)
    shown = f"[{address}]" if ":" in address else address
    print(f"Flask Serving: http://{shown}:{free}/  (Ctrl+C stops it)")
    print(f"Models: {app.extensions['serving'].registry.store}", flush=True)
    server.serve(target_loader=partial(_load, app, (address, free), config.deadline), wrap_loader=False)


def _load(app: Flask, address: tuple[str, int], deadline: float) -> Any:
    """In a new worker: what granian calls, as a method, for that is quicker than to call its object."""
    served = worker.prepare(app, address, deadline)
    if isinstance(served, worker.Guarded):
        door.open_door(app, served, deadline)
    return served.__call__


if __name__ == "__main__":
    main(prog_name="python -m pyapp")
