"""What granian costs: a WSGI callable that reads the body and gives a fixed reply.  The server is set up as ours is."""

import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces

REPLY = b'{"score": 0.5, "label": "0", "scores": [' + b", ".join([b"0.12345678"] * 10) + b"]}"


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(REPLY)))])
    return [REPLY]


def load() -> Callable[..., Iterable[bytes]]:
    return app


if __name__ == "__main__":
    server = Granian(
        "floor_app",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        blocking_threads=int(os.environ.get("SERVING_THREADS", "8")),
    )
    server.serve(target_loader=partial(load), wrap_loader=False)
