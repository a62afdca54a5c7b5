"""The way in under granian gives what the WSGI callable gives, and answers for all when anything goes wrong."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from granian.server import mp
from werkzeug.middleware.proxy_fix import ProxyFix

from predict_cases import CASES, ROW, Case, run
from pyapp import create_app, door
from pyapp.overload import Watch
from pyapp.worker import LATE, LATE_BODY, Guarded


class Guard:
    calm = True

    def is_calm(self) -> bool:
        return self.calm

    def refuses(self, _environ: dict[str, Any]) -> bool:
        return False

    def give_way(self) -> None:
        pass


class Proto:
    """What granian gives its callable: takes one reply."""

    def __init__(self) -> None:
        self.replied = threading.Event()
        self.reply: tuple[int, list[tuple[str, str]], bytes] = (0, [], b"")

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        assert not self.replied.is_set()
        self.reply = (status, headers, body)
        self.replied.set()


class Ending:
    """Ends the leader that takes it."""

    @property
    def body(self) -> bytes:
        raise SystemExit


class Door(door.Door):
    def _lead(self) -> None:
        with suppress(SystemExit):
            super()._lead()


class Way:
    """A door into the app, and what it left to the WSGI callable, by path."""

    def __init__(self, app: Flask, deadline: float = 25) -> None:
        self.through_wsgi: list[str] = []
        self.guard = Guard()
        self.app = app
        run(app.wsgi_app, Case("/healthz", method="GET").open())  # the first request goes through Flask
        self.door = Door(app, app.wsgi_app, self.guard, self.wsgi, deadline)  # type: ignore[arg-type]

    def wsgi(self, proto: Any, environ: dict[str, Any]) -> None:
        """As granian does it."""
        self.through_wsgi.append(environ["PATH_INFO"])
        answered: list[Any] = []
        body = b"".join(self.app.wsgi_app(environ, lambda status, headers, _=None: answered.append((status, headers))))
        proto.response_bytes(int(answered[0][0][:3]), answered[0][1], body)

    def close(self) -> None:
        """Ends the leaders, who else would wait in all later tests."""
        leaders = [thread for thread in threading.enumerate() if thread.name.startswith("lead-")]
        for leader in leaders:
            while leader.is_alive():
                self.door._waiting.put(Ending())  # type: ignore[arg-type]
                leader.join(0.01)

    def send(self, environ: dict[str, Any]) -> Proto:
        proto = Proto()
        self.door(proto, environ)
        return proto

    def ask(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        proto = self.send(environ)
        assert proto.replied.wait(20)
        status, headers, body = proto.reply
        return status, dict(headers), body


class Computing:
    """Has the leaders of a way compute nothing before `go_on`, and notes how many requests each time."""

    def __init__(self, way: Way) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.sizes: list[int] = []
        self.expected: list[int] = []  # so many the door expects to take the next time
        self._door, self._handle = way.door, way.door._handle
        way.door._handle = self

    def __call__(self, requests: list[Any]) -> Any:
        self.sizes.append(len(requests))
        self.expected.append(self._door._together)
        self.begun.set()
        assert self.go_on.wait(20)
        return self._handle(requests)


@pytest.fixture
def open_way() -> Iterator[Callable[..., Way]]:
    with ExitStack() as stack:

        def open_way(app: Flask, deadline: float = 25, alone: bool = False) -> Way:
            """`alone`: a thread answers its own request; else the leaders get all, as if another one did just now."""
            way = Way(app, deadline)
            stack.callback(way.close)
            if not alone:
                way.door._alone.acquire()
            return way

        yield open_way


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, "SERVING_MAX_BODY_BYTES": 1000})


@pytest.fixture(params=["alone", "in company"])
def way(app: Flask, open_way: Callable[..., Way], request: pytest.FixtureRequest) -> Way:
    return open_way(app, alone=request.param == "alone")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.url} {case.content_type}"[:70])
def test_it_gives_what_the_wsgi_callable_gives(case: Case, app: Flask, way: Way) -> None:
    status, headers, body = run(app.wsgi_app, case.open())
    environ = case.open()

    def through_the_door(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        got, given, reply = way.ask(environ)
        start_response(f"{got}{status[3:]}", list(given.items()))
        return [reply]

    assert run(through_the_door, {}) == (status, headers, body)
    if not case.fast:
        assert way.through_wsgi


def test_most_cases_come_through_it(app: Flask, way: Way) -> None:
    fast = [case for case in CASES if case.fast]
    for case in fast:
        way.ask(case.open())
    assert len(way.through_wsgi) < len(fast) / 2


def test_who_comes_alone_answers_itself(app: Flask, open_way: Callable[..., Way]) -> None:
    way = open_way(app, alone=True)
    computing, threads = way.door._handle, []

    def handle(requests: list[Any]) -> Any:
        threads.append(threading.current_thread())
        return computing(requests)

    way.door._handle = handle
    assert way.ask(Case("/classify").open())[0] == 200
    assert threads == [threading.current_thread()]


def test_those_that_wait_are_computed_together_and_each_gets_its_own(store: Path, open_way: Callable[..., Way]) -> None:
    app = create_app({"SERVING_MODELS": store, "SERVING_SLOTS": 1})
    way = open_way(app)
    computing = Computing(way)
    first = way.send(Case("/classify").open())
    assert computing.begun.wait(20)
    bodies = [json.dumps([i, -i, 2, 0.5]).encode() for i in range(40)]
    bodies[7], bodies[20] = b"[1, 2", b'["no", 1, 2, 3]'
    protos = [way.send(Case("/classify", body, environ={}).open()) for body in bodies]
    computing.go_on.set()
    for proto in [first, *protos]:
        assert proto.replied.wait(20)
    assert computing.sizes == [1, 40]
    assert way.door._has_company
    for i, (body, proto) in enumerate(zip(bodies, protos, strict=True)):
        status, headers, reply = proto.reply
        alone = run(app.wsgi_app, Case("/classify", body).open())
        assert (status, reply) == (int(alone[0][:3]), alone[2])
        assert (status == 200) == (i not in (7, 20))
        if status == 200:
            assert int(dict(headers)["X-Batch-Rows"]) > 1
    assert not way.through_wsgi
    assert way.ask(Case("/classify").open())[0] == 200
    assert not way.door._has_company  # the next may answer its own request


def test_the_wait_counts_towards_the_deadline(store: Path, open_way: Callable[..., Way]) -> None:
    way = open_way(create_app({"SERVING_MODELS": store, "SERVING_TIMEOUT_MS": 50}))
    computing = way.door._handle

    def slow(requests: list[Any]) -> Any:
        return computing([(*one[:5], one[5] + 1.0, *one[6:]) for one in requests])

    way.door._handle = slow
    assert way.ask(Case("/classify").open())[0] in (503, 504)
    way.door._handle = computing
    assert way.ask(Case("/classify").open())[0] == 200


def test_who_would_come_too_late_is_refused(store: Path, open_way: Callable[..., Way]) -> None:
    app = create_app({"SERVING_MODELS": store, "SERVING_SLOTS": 1})
    way = open_way(app, deadline=0.3)
    computing = Computing(way)
    early = [way.send(Case("/classify").open())]
    assert computing.begun.wait(20)
    early += [way.send(Case("/classify").open()) for _ in range(2)]
    time.sleep(0.2)
    status, headers, body = way.ask(Case("/classify").open())
    assert (status, headers["Retry-After"]) == (503, "1")
    assert "overloaded" in json.loads(body)["error"]
    computing.go_on.set()
    for proto in early:
        assert proto.replied.wait(20)
        assert proto.reply[0] == 200
    assert app.extensions["serving"].engine.stats()["host"]["refused_late"] == 1
    assert way.ask(Case("/classify").open())[0] == 200


def test_once_something_was_refused_the_queue_is_kept_short(store: Path, open_way: Callable[..., Way]) -> None:
    way = open_way(create_app({"SERVING_MODELS": store, "SERVING_SLOTS": 1}), deadline=9)
    computing, late = Computing(way), way.door._is_late
    protos = [way.send(Case("/classify").open())]
    assert computing.begun.wait(20)
    assert not late(time.perf_counter() + 60)  # nothing waits
    protos.append(way.send(Case("/classify").open()))
    since = way.door._since
    assert [late(since + wait) for wait in (1.1, 2.9, 3.1, 1.1, 0.9)] == [False, False, True, True, False]
    way.door._took = 2.0  # a batch takes as long, and so long its successor must be able to gather
    assert [late(since + wait) for wait in (1.9, 2.1)] == [False, True]
    way.door._took = 60.0
    assert [late(since + wait) for wait in (2.9, 3.1)] == [False, True]
    way.door._took = 0.0
    way.door._since = since + 12  # nine seconds later without a refusal
    assert [late(since + wait) for wait in (12.9, 13.1)] == [False, False]
    computing.go_on.set()
    assert all(proto.replied.wait(20) and proto.reply[0] == 200 for proto in protos)


def test_who_comes_behind_more_than_can_be_answered_is_refused(store: Path, open_way: Callable[..., Way]) -> None:
    way = open_way(create_app({"SERVING_MODELS": store, "SERVING_SLOTS": 1}), deadline=9)
    computing, late = Computing(way), way.door._is_late
    protos = [way.send(Case("/classify").open())]
    assert computing.begun.wait(20)
    protos += [way.send(Case("/classify").open()) for _ in range(door.MOST_TOGETHER)]
    since = way.door._since
    way.door._took = 60  # after a stall, say; but the next batch may always fill
    assert not late(since)
    way.door._took = 1.4  # so long takes each batch, and a third of the deadline is 3 s
    protos += [way.send(Case("/classify").open()) for _ in range(door.MOST_TOGETHER)]
    assert not late(since)
    way.door._took = 1.6
    assert late(since)
    way.door._took = 0.4
    assert not late(since)
    way.door._together = 4  # large bodies
    assert late(since)
    way.door._leaders = 100
    assert not late(since)
    computing.go_on.set()
    assert all(proto.replied.wait(20) and proto.reply[0] == 200 for proto in protos)
    assert way.door._together == door.MOST_TOGETHER  # as the bodies are small


def test_a_client_that_sends_slowly_makes_nobody_late(
    app: Flask, open_way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    way = open_way(app, deadline=0.3)
    computing = Computing(way)
    first = way.send(Case("/classify").open())
    assert computing.begun.wait(20)
    read = way.door._fast.read

    def read_slowly(environ: dict[str, Any], size: int) -> bytes | None:
        time.sleep(0.2)
        return read(environ, size)

    protos = [first]
    with monkeypatch.context() as slow:
        slow.setattr(way.door._fast, "read", read_slowly)
        protos.append(way.send(Case("/classify").open()))
    protos.append(way.send(Case("/classify").open()))
    computing.go_on.set()
    assert all(proto.replied.wait(20) and proto.reply[0] == 200 for proto in protos)


def test_a_reply_that_cannot_be_sent_harms_neither_its_batch_nor_the_thread(
    store: Path, open_way: Callable[..., Way]
) -> None:
    way = open_way(create_app({"SERVING_MODELS": store, "SERVING_SLOTS": 1}))
    computing = Computing(way)
    first = way.send(Case("/classify").open())
    assert computing.begun.wait(20)

    def fail(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    class Unsendable(Proto):
        response_bytes = fail

    way.door._wsgi = fail
    way.door._handle = fail  # for the second batch: Flask is to answer, and cannot
    way.door(Unsendable(), Case("/classify").open())
    mate = way.send(Case("/classify").open())
    computing.go_on.set()
    assert first.replied.wait(20)
    assert mate.replied.wait(20)
    assert mate.reply[0] == 500
    way.door._handle = computing._handle
    way.door._has_company = True  # so that the leader is asked, not this thread
    assert way.ask(Case("/classify").open())[0] == 200


def test_after_a_pause_nobody_is_late(app: Flask, open_way: Callable[..., Way]) -> None:
    way = open_way(app, deadline=0.3)
    for _ in range(2):
        protos = [way.send(Case("/classify").open()) for _ in range(50)]
        assert all(proto.replied.wait(20) for proto in protos)
        assert {proto.reply[0] for proto in protos} == {200}
        time.sleep(0.2)


def test_while_something_is_out_of_the_ordinary_wsgi_gets_all(way: Way) -> None:
    way.guard.calm = False
    assert way.ask(Case("/classify").open())[0] == 200
    assert way.through_wsgi == ["/classify"]


def test_what_has_come_late_is_refused_at_the_door_as_behind_it(app: Flask, open_way: Callable[..., Way]) -> None:
    way = open_way(app)
    guard = way.door._guard = Guarded(app)
    guard._watch = watch = Watch(("127.0.0.1", 1), 0.3, lambda: False)
    watch._waiting.append(time.monotonic() - 60)
    with guard._answering:  # somebody has its turn
        status, headers, body = run(guard, Case("/classify").open())
        environ = Case("/classify").open()
        assert way.ask(environ) == (int(status[:3]), dict(headers), body) == (503, dict(LATE), LATE_BODY)
        assert environ["wsgi.input"].read() == b""  # what is left unread costs the connection
        assert way.ask(Case("/healthz", method="GET").open())[0] == 200
    assert way.through_wsgi == ["/healthz"]
    assert app.extensions["serving"].engine.stats()["host"]["refused_late"] == 2
    assert way.ask(Case("/classify").open())[0] == 200  # it is its turn
    assert way.through_wsgi == ["/healthz", "/classify"]
    guard._next_one = time.monotonic() + 60  # one has been answered just now
    assert way.ask(Case("/classify").open())[0] == 503
    guard.stopping = True
    assert way.ask(Case("/classify").open())[0] == 200


def test_large_bodies_hold_nobody_up(store: Path, open_way: Callable[..., Way]) -> None:
    way = open_way(create_app({"SERVING_MODELS": store}))
    rows = json.dumps([[0.5, 1, 2, 3]] * (door.SMALL_BODY // 12)).encode()
    assert way.ask(Case("/classify", rows).open())[0] == 200
    assert way.through_wsgi == ["/classify"]


@pytest.mark.parametrize("error", [OSError("connection reset"), None])
def test_a_body_that_cannot_be_read(error: Exception | None, way: Way) -> None:
    class Broken:
        def read(self, _size: int = -1) -> bytes:
            if error is not None:
                raise error
            return b"[0.5"

    assert way.ask(Case("/classify").open() | {"wsgi.input": Broken()})[0] == 400
    assert way.through_wsgi == ["/classify"]


def test_a_fault_of_ours_is_flasks_to_answer(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_requests: list[Any]) -> Any:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(way.door, "_handle", fail)
    assert way.ask(Case("/classify").open())[0] == 200
    assert way.through_wsgi == ["/classify"]


def test_a_client_that_has_gone_harms_nobody(
    app: Flask, caplog: pytest.LogCaptureFixture, open_way: Callable[..., Way]
) -> None:
    way = open_way(app)

    class Fickle(Proto):
        is_gone = False

        def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            super().response_bytes(status, headers, body)
            if self.is_gone:
                raise RuntimeError("nobody takes it")

    gone, mate = Fickle(), Fickle()
    gone.is_gone = True
    plain = way.door._fast.look(Case("/classify").open())
    assert plain is not None
    model, now = plain[0].model, time.perf_counter()
    way.door._answer(
        [
            door._Waiting(proto, Case("/classify").open(), plain[0], now, now, model, body, "", "x", 0, -1)
            for proto, body in ((gone, b"[1, 2, 3, 4]"), (mate, b"[1, 2, 3, 4]"))
        ]
    )
    assert gone.replied.is_set()
    assert mate.reply[0] == 200
    assert "nobody takes it" in caplog.text
    assert way.ask(Case("/classify").open())[0] == 200


def test_no_more_wait_than_rows_may(store: Path, open_way: Callable[..., Way]) -> None:
    app = create_app({"SERVING_MODELS": store, "SERVING_SLOTS": 1, "SERVING_MAX_QUEUE_ROWS": 2})
    way = open_way(app)
    computing = Computing(way)
    early = [way.send(Case("/classify").open())]
    assert computing.begun.wait(20)
    early += [way.send(Case("/classify").open()) for _ in range(2)]
    assert way.ask(Case("/classify").open())[0] == 503
    computing.go_on.set()
    assert all(proto.replied.wait(20) and proto.reply[0] == 200 for proto in early)


def test_bodies_that_are_taken_together_are_not_too_large(store: Path, open_way: Callable[..., Way]) -> None:
    app = create_app({"SERVING_MODELS": store, "SERVING_SLOTS": 1})
    way = open_way(app)
    computing = Computing(way)
    rows = b"[" + b", ".join([b"[0.50000000000000, 1.00000000000000, 2.00000000000000, 3.00000000000000]"] * 800) + b"]"
    assert len(rows) <= door.SMALL_BODY
    protos = [way.send(Case("/classify").open())]
    assert computing.begun.wait(20)
    protos += [way.send(Case("/classify", rows).open()) for _ in range(20)]
    computing.go_on.set()
    assert all(proto.replied.wait(20) and proto.reply[0] == 200 for proto in protos)
    most = -(-door.MOST_BYTES // len(rows))
    assert max(computing.sizes) == most
    assert computing.expected[1] == most  # as few as have just been taken


def test_an_idle_leader_keeps_no_model(app: Flask, open_way: Callable[..., Way]) -> None:
    way = open_way(app)
    assert way.ask(Case("/classify").open())[0] == 200
    time.sleep(0.1)
    frames = [sys._current_frames()[t.ident] for t in threading.enumerate() if t.name.startswith("lead-") and t.ident]
    assert frames
    for frame in frames:
        while frame is not None:
            assert not any(isinstance(value, list | door._Waiting) for value in frame.f_locals.values())
            frame = frame.f_back


@pytest.mark.parametrize("wrapped", [False, True])
def test_it_is_opened_where_nobody_else_has_to_see_each_request(
    wrapped: bool, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = mp._wsgi_call_wrap  # type: ignore[attr-defined] -- there it is, in the granian that is installed
    monkeypatch.setattr(mp, door._WRAP, original)
    if wrapped:
        app.wsgi_app = ProxyFix(app.wsgi_app)
    opened = door.open_door(app, Guard(), 25)  # type: ignore[arg-type]
    assert opened == (not wrapped) == (getattr(mp, door._WRAP) is not original)


def test_a_granian_without_that_function_gets_the_wsgi_callable(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mp, door._WRAP)
    assert not door.open_door(app, Guard(), 25)  # type: ignore[arg-type]


def test_split_traffic_and_watchers_come_through_it(
    app: Flask, way: Way, monkeypatch: pytest.MonkeyPatch, write_network: Callable[..., Path]
) -> None:
    seen: list[Any] = []
    observer = app.extensions["serving"].observer
    monkeypatch.setattr(observer, "watches", lambda entry: True)
    monkeypatch.setattr(observer, "seen", lambda *what: seen.append(what))
    app.extensions["serving"].registry.reload()
    app.wsgi_app._table = (None, {})
    status, headers, _ = way.ask(Case("/classify").open() | {"HTTP_X_REQUEST_ID": "mine"})
    assert (status, headers["X-Request-ID"]) == (200, "mine")
    time.sleep(0.05)  # the reply goes first
    ((_, model, protocol, body, _, request_id, _),) = seen
    assert (model.version, protocol, json.loads(body), request_id) == (2, "classify", ROW, "mine")
    assert not way.through_wsgi
