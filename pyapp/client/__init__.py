"""A client of a Flask Serving server, blocking or asynchronous; needs the `[client]` extra (httpx), and no more.

    from pyapp.client import Client

    with Client("http://127.0.0.1:5000") as client:
        print(client.classify([0, 0, 12, 255]).label)

Neither Flask nor the engine is loaded for it, and numpy only when numbers go or come as arrays (`predict`).
docs/client.md shows all of it.
"""

try:
    import httpx as _httpx  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"pyapp.client needs {error.name}: pip install 'flask-serving[client]'", name=error.name
    ) from None

from .clients import AsyncClient, Client
from .errors import (
    AccessError,
    ClientError,
    ConflictError,
    InputError,
    NotFoundError,
    OverloadedError,
    ServerError,
    TooLateError,
    UnreachableError,
)
from .options import Options
from .results import Answers, Decided, Models, Prediction, Row

__all__ = [
    "AccessError",
    "Answers",
    "AsyncClient",
    "Client",
    "ClientError",
    "ConflictError",
    "Decided",
    "InputError",
    "Models",
    "NotFoundError",
    "Options",
    "OverloadedError",
    "Prediction",
    "Row",
    "ServerError",
    "TooLateError",
    "UnreachableError",
]
