"""What the client does when a server is busy, away, slow or wrong; the server is httpx's MockTransport."""

import asyncio
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from pyapp.client import (
    AccessError,
    AsyncClient,
    Client,
    ClientError,
    ConflictError,
    InputError,
    NotFoundError,
    OverloadedError,
    ServerError,
    TooLateError,
    UnreachableError,
)
from pyapp.client.attempts import retry_after

GOOD = {"label": "7", "score": 0.5, "model": "m", "version": 1}

Outcome = httpx.Response | Exception
Ask = Callable[..., Any]


def good() -> httpx.Response:
    return httpx.Response(200, json=GOOD, headers={"X-Request-ID": "r1"})


def busy(status: int = 503, **headers: str) -> httpx.Response:
    return httpx.Response(
        status, json={"error": "full"}, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


class Scripted:
    """Answers with one outcome after the other, and keeps what it was asked."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.left = list(outcomes)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        outcome = self.left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return httpx.Response(outcome.status_code, headers=outcome.headers, content=outcome.content)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clients would have slept."""
    slept: list[float] = []

    async def rest(seconds: float) -> None:
        slept.append(seconds)

    # In that module alone: threads that other tests have left behind may sleep too.
    monkeypatch.setattr("pyapp.client.clients.time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr("pyapp.client.clients.asyncio", SimpleNamespace(sleep=rest))
    return slept


@pytest.fixture(params=["blocking", "asynchronous"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Calls a method of either client: all must hold for both."""

    def ask(server: Scripted, method: str, *args: Any, options: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        transport = httpx.MockTransport(server)
        if request.param == "blocking":
            with Client("http://s", transport=transport, **options or {}) as client:
                return getattr(client, method)(*args, **kwargs)

        async def run() -> Any:
            async with AsyncClient("http://s", transport=transport, **options or {}) as client:
                return await getattr(client, method)(*args, **kwargs)

        return asyncio.run(run())

    return ask


@pytest.mark.parametrize(
    "passing",
    [busy(), busy(429), httpx.ConnectError("no"), httpx.ReadError("reset"), httpx.RemoteProtocolError("closed")],
)
def test_what_passes_is_asked_again(ask: Ask, pauses: list[float], passing: Outcome) -> None:
    server = Scripted(passing, passing, good())
    assert ask(server, "classify", [1]).label == "7"
    assert len(server.asked) == 3
    assert 0.05 <= pauses[0] <= 0.1
    assert 0.1 <= pauses[1] <= 0.2


def test_repetitions_are_bounded(ask: Ask, pauses: list[float]) -> None:
    server = Scripted(*[busy() for _ in range(9)])
    with pytest.raises(OverloadedError) as caught:
        ask(server, "classify", [1], options={"retries": 2})
    assert caught.value.status == 503
    assert len(server.asked) == 3
    assert len(pauses) == 2


@pytest.mark.parametrize("failing", [httpx.ReadTimeout("slow"), httpx.Response(500), busy(504), busy(422)])
def test_what_does_not_pass_is_asked_once(ask: Ask, pauses: list[float], failing: Outcome) -> None:
    server = Scripted(failing, good())
    with pytest.raises(ClientError):
        ask(server, "classify", [1])
    assert len(server.asked) == 1
    assert pauses == []


@pytest.mark.parametrize(
    ("method", "args"), [("promote", ("m", 1)), ("feedback", ("r1", "7")), ("remove", ("m", 1)), ("rollback", ("m",))]
)
def test_changes_are_never_repeated(ask: Ask, method: str, args: tuple[Any, ...]) -> None:
    server = Scripted(busy(), good())
    with pytest.raises(OverloadedError):
        ask(server, method, *args)
    assert len(server.asked) == 1


def test_retry_after_is_waited_for(ask: Ask, pauses: list[float]) -> None:
    ask(Scripted(busy(Retry_After="3"), good()), "classify", [1])
    assert 3 <= pauses[0] < 3.2


def test_a_server_that_asks_for_too_much_is_left_alone(ask: Ask, pauses: list[float]) -> None:
    server = Scripted(busy(Retry_After="3600"), good())
    with pytest.raises(OverloadedError):
        ask(server, "classify", [1])
    assert len(server.asked) == 1
    assert pauses == []


def test_no_pause_goes_beyond_the_deadline(ask: Ask, pauses: list[float]) -> None:
    server = Scripted(busy(Retry_After="3"), good())
    with pytest.raises(OverloadedError):
        ask(server, "classify", [1], options={"deadline": 2.0})
    assert len(server.asked) == 1
    assert pauses == []


def test_the_server_is_told_what_is_left_of_the_deadline(ask: Ask) -> None:
    server = Scripted(busy(), good())
    ask(server, "classify", [1], options={"deadline": 5.0, "first_pause": 0.2})
    first, second = [int(request.headers["X-Request-Timeout-Ms"]) for request in server.asked]
    assert 4900 < first <= 5000
    assert second <= first - 100
    assert server.asked[1].extensions["timeout"]["read"] <= 4.9


def test_without_a_deadline_no_header_takes_requests_off_the_fast_path(ask: Ask) -> None:
    server = Scripted(good())
    ask(server, "classify", [1])
    assert "X-Request-Timeout-Ms" not in server.asked[0].headers
    assert server.asked[0].extensions["timeout"] == {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 30.0}


def test_a_deadline_is_of_the_whole_call(ask: Ask) -> None:
    """A prediction takes three requests; all of them together have so long."""

    def slow(request: httpx.Request) -> httpx.Response:
        time.sleep(0.1)
        return httpx.Response(200, json={"extensions": [], "inputs": [{"name": "x"}], "outputs": []})

    class Slow(Scripted):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            return slow(request)

    server = Slow()
    with pytest.raises(TooLateError):
        ask(server, "predict", "m", [[1.0]], options={"deadline": 0.15})
    assert len(server.asked) <= 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InputError),
        (401, AccessError),
        (403, AccessError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, InputError),
        (422, InputError),
        (429, OverloadedError),
        (500, ServerError),
        (502, ServerError),
        (504, TooLateError),
    ],
)
def test_errors_say_what_the_server_said(ask: Ask, pauses: list[float], status: int, kind: type[ClientError]) -> None:
    reply = {"error": "it is wrong", "where": "/data/3", "offset": 17}
    outcomes = [httpx.Response(status, json=reply, headers={"X-Request-ID": "r9"}) for _ in range(4)]
    with pytest.raises(kind) as caught:
        ask(Scripted(*outcomes), "classify", [1])
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.message, error.where, error.offset) == (status, "it is wrong", "/data/3", 17)
    assert error.request_id == "r9"
    assert str(error) == f"{status} at /data/3: it is wrong"


def test_errors_of_others_are_understood_too(ask: Ask) -> None:
    with pytest.raises(ServerError, match="502: <html>bad gateway"):
        ask(Scripted(httpx.Response(502, text="<html>bad gateway</html>")), "classify", [1])
    with pytest.raises(ServerError, match="no JSON object"):
        ask(Scripted(httpx.Response(200, text="<html>hello</html>")), "classify", [1])
    with pytest.raises(ServerError):
        ask(Scripted(httpx.Response(302, headers={"Location": "http://elsewhere"})), "classify", [1])


def test_who_can_t_be_reached_is_said(ask: Ask, pauses: list[float]) -> None:
    server = Scripted(*[httpx.ConnectError("refused") for _ in range(4)])
    with pytest.raises(UnreachableError, match="refused") as caught:
        ask(server, "classify", [1])
    assert caught.value.status is None
    assert str(caught.value) == "http://s/classify can't be reached: refused"
    trace = "".join(traceback.format_exception(caught.value))
    assert "httpx.ConnectError" not in trace
    with pytest.raises(TooLateError):
        ask(Scripted(httpx.ReadTimeout("")), "classify", [1])


def test_without_httpx_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['httpx'] = None; import pyapp.client"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: pyapp.client needs httpx: pip install 'flask-serving[client]'"
    )


def test_keys_go_only_where_they_belong(ask: Ask) -> None:
    options = {"api_key": "key", "admin_token": "token", "actor": "me"}
    decided = httpx.Response(200, json={"model": "m", "default": 1, "labels": {}, "routing": {}})
    server = Scripted(good(), decided)
    ask(server, "classify", [1], options=options)
    ask(server, "promote", "m", None, options=options)
    asking, changing = server.asked
    assert asking.headers["X-API-Key"] == "key"
    assert "Authorization" not in asking.headers
    assert changing.headers["Authorization"] == "Bearer token"
    assert changing.headers["X-Actor"] == "me"
    assert "X-API-Key" not in changing.headers
    assert json.loads(changing.content) == {"version": "newest"}


def test_names_can_t_lead_elsewhere(ask: Ask) -> None:
    server = Scripted(httpx.Response(200, json={}))
    assert ask(server, "ready", "../a b?c", 3)
    assert server.asked[0].url.raw_path == b"/v2/models/..%2Fa%20b%3Fc/versions/3/ready"


def test_retry_after_is_read_in_both_forms() -> None:
    assert retry_after("7") == 7
    assert 55 < retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)) <= 60
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    for text in ("", "soon", "-3", "1e9", "٣"):
        assert retry_after(text) == 0


@pytest.mark.parametrize(
    "options", [{"deadline": 0}, {"retries": -1}, {"read_timeout": 0}, {"connections": 0}, {"first_pause": -1}]
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Client("http://s", **options)
