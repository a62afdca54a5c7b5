"""The two clients: operations run by a blocking httpx client, and by an asynchronous one."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from .attempts import Attempts, Outcome, Request, end_of_call
from .errors import ClientError
from .operations import Operation, Operations
from .options import Options

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(operation: Callable[Concatenate[Operations, P], Operation[T]]) -> "Callable[Concatenate[Client, P], T]":
    """The operation as a method of Client."""

    @functools.wraps(operation)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(operation(self._operations, *args, **kwargs))

    return method


def _awaitable(
    operation: Callable[Concatenate[Operations, P], Operation[T]],
) -> "Callable[Concatenate[AsyncClient, P], Awaitable[T]]":
    """The operation as a method of AsyncClient."""

    @functools.wraps(operation)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(operation(self._operations, *args, **kwargs))

    return method


class _OfOneServer:
    """What both clients keep, and say of themselves."""

    _http: httpx.Client | httpx.AsyncClient

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = Options(**options)
        self._operations = Operations(self._options)

    def __repr__(self) -> str:
        """`Client('http://127.0.0.1:5000')`"""
        return f"{type(self).__name__}({str(self._http.base_url)!r})"

    def _limits(self) -> httpx.Limits:
        connections = self._options.connections
        return httpx.Limits(max_connections=connections, max_keepalive_connections=connections)


class Client(_OfOneServer):
    """Asks one server; safe from any number of threads, which share its connections.  Use it as a context manager."""

    classify = _blocking(Operations.classify)
    explain = _blocking(Operations.explain)
    predict = _blocking(Operations.predict)
    models = _blocking(Operations.models)
    versions = _blocking(Operations.versions)
    ready = _blocking(Operations.ready)
    feedback = _blocking(Operations.feedback)
    promote = _blocking(Operations.promote)
    rollback = _blocking(Operations.rollback)
    label = _blocking(Operations.label)
    split = _blocking(Operations.split)
    shadow = _blocking(Operations.shadow)
    upload = _blocking(Operations.upload)
    remove = _blocking(Operations.remove)
    reload = _blocking(Operations.reload)
    audit = _blocking(Operations.audit)

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None, **options: Any) -> None:
        """`url`: `http://host:port`.  `options`: those of `Options`.  `transport`: httpx's, for tests and proxies."""
        super().__init__(options)
        self._http: httpx.Client = httpx.Client(base_url=url, limits=self._limits(), transport=transport)

    def __enter__(self) -> Self:
        """The client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def _run(self, operation: Operation[T]) -> T:
        end = end_of_call(self._options)
        step: Callable[[], Request] = functools.partial(next, operation)
        while True:
            try:
                request = step()
            except StopIteration as done:
                result: T = done.value
                return result
            try:
                step = functools.partial(operation.send, self._ask(request, end))
            except ClientError as error:
                step = functools.partial(operation.throw, error)

    def _ask(self, request: Request, end: float | None) -> httpx.Response:
        attempts = Attempts(request, self._options, end)
        while True:
            outcome: Outcome
            try:
                outcome = self._http.send(attempts.build(self._http))
            except httpx.RequestError as error:
                outcome = error
            pause = attempts.pause(outcome)
            if pause is None:
                return attempts.result(outcome)
            time.sleep(pause)


class AsyncClient(_OfOneServer):
    """The same for asyncio: `async with AsyncClient(url) as client: await client.classify(…)`."""

    classify = _awaitable(Operations.classify)
    explain = _awaitable(Operations.explain)
    predict = _awaitable(Operations.predict)
    models = _awaitable(Operations.models)
    versions = _awaitable(Operations.versions)
    ready = _awaitable(Operations.ready)
    feedback = _awaitable(Operations.feedback)
    promote = _awaitable(Operations.promote)
    rollback = _awaitable(Operations.rollback)
    label = _awaitable(Operations.label)
    split = _awaitable(Operations.split)
    shadow = _awaitable(Operations.shadow)
    upload = _awaitable(Operations.upload)
    remove = _awaitable(Operations.remove)
    reload = _awaitable(Operations.reload)
    audit = _awaitable(Operations.audit)

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None, **options: Any) -> None:
        """As Client's."""
        super().__init__(options)
        self._http: httpx.AsyncClient = httpx.AsyncClient(base_url=url, limits=self._limits(), transport=transport)

    async def __aenter__(self) -> Self:
        """The client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes it."""
        await self.close()

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def _run(self, operation: Operation[T]) -> T:
        end = end_of_call(self._options)
        step: Callable[[], Request] = functools.partial(next, operation)
        while True:
            try:
                request = step()
            except StopIteration as done:
                result: T = done.value
                return result
            try:
                step = functools.partial(operation.send, await self._ask(request, end))
            except ClientError as error:
                step = functools.partial(operation.throw, error)

    async def _ask(self, request: Request, end: float | None) -> httpx.Response:
        attempts = Attempts(request, self._options, end)
        while True:
            outcome: Outcome
            try:
                outcome = await self._http.send(attempts.build(self._http))
            except httpx.RequestError as error:
                outcome = error
            pause = attempts.pause(outcome)
            if pause is None:
                return attempts.result(outcome)
            await asyncio.sleep(pause)
