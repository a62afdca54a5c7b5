"""pyapp.engine.Engine: the data path from body to reply."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from model_packages import dense_network, write_package
from pyapp import engine


@pytest.fixture
def model(tmp_path: Path) -> engine.Model:
    return engine.Model.load(write_package(tmp_path / "toy" / "3", *dense_network((4, 8, 3))))


def ask(eng: engine.Engine, model: engine.Model, body: object, content_type: str = "application/json", **options):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, headers, reply = eng.handle(model, "classify", raw, content_type, **options)
    assert dict(headers)["Content-Type"] == "application/json"
    return status, json.loads(reply)


def test_answers_one_row(model: engine.Model) -> None:
    x = [0.5, -1, 2, 0]
    status, reply = ask(engine.Engine(), model, x)
    scores = model.predict(x)[0]
    best = int(scores.argmax())
    assert status == 200
    assert reply == {
        "score": reply["scores"][best],
        "label": model.labels[best],
        "scores": reply["scores"],
        "model": "toy",
        "version": 3,
    }
    assert np.array_equal(np.float32(reply["scores"]), scores)


@pytest.mark.parametrize("body", [b"[0.5, -1, 2, 0]", b"[1]", b"\xff"])
def test_with_the_requests_id_all_headers_are_there(model: engine.Model, body: bytes) -> None:
    eng = engine.Engine()
    status, headers, reply = eng.handle(model, "classify", body, "application/json", "abc-1")
    bare_status, bare_headers, bare_reply = eng.handle(model, "classify", body, "application/json")
    assert (status, reply) == (bare_status, bare_reply)
    assert [name for name, _ in headers[: len(bare_headers)]] == [name for name, _ in bare_headers]
    assert headers[len(bare_headers) :] == [
        ("Content-Length", str(len(reply))),
        ("X-Model-Version", "3"),
        ("X-Request-ID", "abc-1"),
    ]


def test_answers_many_rows_with_the_bits_of_each_alone(model: engine.Model) -> None:
    rows = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32).tolist()
    eng = engine.Engine()
    status, reply = ask(eng, model, rows)
    assert status == 200 and len(reply["results"]) == 100
    for row, result in zip(rows, reply["results"], strict=True):
        alone = ask(eng, model, row)[1]
        assert {k: alone[k] for k in ("score", "label", "scores")} == result


def test_keeps_the_best_labels(model: engine.Model) -> None:
    _, reply = ask(engine.Engine(), model, [1, 2, 3, 4], top=2)
    scores = model.predict([1, 2, 3, 4])[0]
    assert [t["label"] for t in reply["top"]] == [model.labels[i] for i in np.argsort(-scores)[:2]]
    assert "scores" not in reply


@pytest.mark.parametrize(
    ("body", "content_type", "status", "said"),
    [
        (b"", "application/json", 400, "empty"),
        (b"[1, 2", "application/json", 400, ""),
        (b"[1, 2, 3, NaN]", "application/json", 400, "NaN"),
        ([1, 2, 3], "application/json", 422, "3 numbers; the model takes 4"),
        ([1, 2, 3, 4, 5], "application/json", 422, "5 numbers; the model takes 4"),
        ([1, 2, "three", 4], "application/json", 422, "a string"),
        (b"<x/>", "text/xml", 415, "text/xml"),
        (b"\x89PNG\r\n", "image/png", 422, "picture"),
    ],
)
def test_says_what_is_wrong_and_goes_on(
    model: engine.Model, body: object, content_type: str, status: int, said: str
) -> None:
    eng = engine.Engine()
    before = ask(eng, model, [1, 2, 3, 4])
    got, reply = ask(eng, model, body, content_type)
    assert got == status
    assert said in reply["error"]
    assert ask(eng, model, [1, 2, 3, 4]) == before


def test_an_answer_that_is_no_number_is_said_so(model: engine.Model) -> None:
    status, reply = ask(engine.Engine(), model, b"[1e999, -1e999, 1e999, 0]")
    assert status == 422
    assert "finite" in reply["error"] or "number" in reply["error"]


def test_limits(model: engine.Model) -> None:
    eng = engine.Engine(max_body_bytes=100, max_request_rows=2)
    assert ask(eng, model, b"[" + b" " * 200)[0] == 413
    assert ask(eng, model, [[1, 2, 3, 4]] * 2)[0] == 200
    assert ask(eng, model, [[1, 2, 3, 4]] * 3)[0] == 413


def test_arguments_are_checked(model: engine.Model) -> None:
    with pytest.raises(ValueError, match="negative"):
        engine.Engine(slots=-1)
    with pytest.raises(TypeError, match="callable"):
        engine.Engine(decode_image=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="protocol"):
        engine.Engine().handle(model, "gopher", b"")
    with pytest.raises(TypeError):
        engine.Engine().handle("model", "classify", b"")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="request_id"):
        engine.Engine().handle(model, "classify", b"", "", 7)  # type: ignore[arg-type]


def together(model: engine.Model, body: bytes, waited: float = 0.0, top: int = 0, name: str = "abc-1") -> tuple:
    return model, "classify", body, "application/json", name, waited, top, -1


def test_requests_that_are_handled_together_get_what_each_gets_alone(model: engine.Model) -> None:
    eng = engine.Engine()
    bodies = [json.dumps([[i, -i, 0.5, 2]] * (1 + i % 3)).encode() for i in range(60)]
    bodies += [b"", b"[1, 2", b"[1]", b"\xff"]
    replies = eng.handle_together([together(model, body, top=i % 3) for i, body in enumerate(bodies)])
    assert len(replies) == 64
    rows = []
    for i, (body, (status, headers, reply)) in enumerate(zip(bodies, replies, strict=True)):
        alone, names, text = eng.handle(model, "classify", body, "application/json", "abc-1", top=i % 3)
        assert (status, reply) == (alone, text)
        assert [name for name, _ in headers] == [name for name, _ in names]
        rows.append(int(dict(headers)["X-Batch-Rows"]))
    assert max(rows) > 32  # they shared batches
    assert rows[60:] == [0] * 4
    assert eng.handle_together([]) == []


def test_protocols_and_models_can_be_handled_together(model: engine.Model, tmp_path: Path) -> None:
    eng = engine.Engine()
    tensors = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [0.5, -1, 2, 0]}]}
    requests = [
        (model, "tensorflow", b'{"instances": [[0.5, -1, 2, 0]]}', "", "a", 0.0, 0, -1),
        (model, "openinference", json.dumps(tensors).encode(), "", "b", 0.0, 0, -1),
        together(model, b"[0.5, -1, 2, 0]"),
    ]
    for (_, protocol, body, content_type, *_), reply in zip(requests, eng.handle_together(requests), strict=True):
        assert reply[::2] == eng.handle(model, protocol, body, content_type)[::2]


def test_what_a_request_has_waited_counts(model: engine.Model) -> None:
    eng = engine.Engine(timeout_ms=100)
    late, fine = eng.handle_together([together(model, b"[1, 2, 3, 4]", 0.2), together(model, b"[1, 2, 3, 4]", 0.01)])
    assert (late[0], fine[0]) == (504, 200)
    assert 10_000 <= int(dict(fine[1])["X-Queue-Us"]) < 100_000
    assert "total;dur=1" in dict(fine[1])["Server-Timing"]


@pytest.mark.parametrize(
    "requests",
    [
        None,
        (),
        [None],
        [("model",)],
        [("model", "classify", b"", "", "", 0.0, 0, -1)],
        [together] * 65,
    ],
)
def test_what_is_no_list_of_requests_is_refused(model: engine.Model, requests: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        engine.Engine().handle_together(requests)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="gopher"):
        engine.Engine().handle_together([together(model, b"[1]"), (model, "gopher", b"", "", "", 0.0, 0, -1)])
    with pytest.raises(TypeError):
        engine.Engine().handle_together([together(model, b"[1]"), (model, "classify", b"", "", 7, 0.0, 0, -1)])


def test_two_engines_share_nothing(model: engine.Model) -> None:
    one, two = engine.Engine(), engine.Engine()
    ask(one, model, [1, 2, 3, 4])
    assert (one.stats()["requests"], two.stats()["requests"]) == (1, 0)
    one.close()
    assert ask(one, model, [1, 2, 3, 4])[0] == 503
    assert ask(two, model, [[1, 2, 3, 4]] * 2)[0] == 200
    assert [rows for rows, _, _ in one.stats()["models"][0]["executions"]] == [1]
    assert [rows for rows, _, _ in two.stats()["models"][0]["executions"]] == [2]
    one.close()


def test_statistics_tell_where_the_time_went(model: engine.Model) -> None:
    eng = engine.Engine()
    for _ in range(5):
        ask(eng, model, [[1, 2, 3, 4]] * 3)
    ask(eng, model, [1, 2])
    ask(eng, model, b"[")
    stats = eng.stats()
    assert stats["batch_rows"] == {3: 5}
    assert (stats["queued_rows"], stats["running"], stats["rows"]) == (0, 0, 15)
    (mine,) = stats["models"]
    assert (mine["model"], mine["version"], mine["rows"]) == ("toy", 3, 15)
    assert mine["requests"] == {"OK": 5, "WRONG_VALUE": 1, "MALFORMED": 1}
    assert mine["failed_ns"] > 0
    ((rows, batches, ns),) = mine["executions"]
    assert (rows, batches) == (3, 5)
    assert 0 < ns <= mine["histograms"]["forward"]["sum"]
    assert set(mine["histograms"]) == {"parse", "preprocess", "queue", "forward", "reply", "total", "batch_rows"}
    for name, histogram in mine["histograms"].items():
        assert histogram["count"] == sum(count for _, count in histogram["buckets"]) == 5, name
    assert mine["histograms"]["batch_rows"]["sum"] == 15
    assert mine["histograms"]["batch_rows"]["buckets"] == [(4, 5)]
    assert 0 < mine["histograms"]["forward"]["sum"] <= mine["histograms"]["total"]["sum"]


def test_requests_that_meet_share_a_batch(tmp_path: Path) -> None:
    """One slot, and a batch that takes long: those that arrive meanwhile are answered by few batches."""
    model = engine.Model.load(write_package(tmp_path / "big" / "1", *dense_network((500, 1500, 1500, 10))))
    eng = engine.Engine(slots=1)
    bodies = [json.dumps(r).encode() for r in np.random.default_rng(0).normal(size=(24, 500)).round(3).tolist()]
    alone = [eng.handle(model, "classify", b)[2] for b in bodies]
    before = eng.stats()["batches"]
    wrong: list[bytes] = []

    def client(k: int) -> None:
        for n in range(20):
            i = (7 * k + n) % len(bodies)
            reply = eng.handle(model, "classify", bodies[i])[2]
            if reply != alone[i]:
                wrong.append(reply)

    threads = [threading.Thread(target=client, args=(k,)) for k in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert eng.stats()["batches"] - before < 12 * 20


def test_a_full_queue_refuses_at_once_and_serves_the_rest(tmp_path: Path) -> None:
    model = engine.Model.load(write_package(tmp_path / "big" / "1", *dense_network((500, 2000, 2000, 10))))
    eng = engine.Engine(slots=1, max_queue_rows=3)
    row = [0.5] * 500
    statuses: list[int] = []

    def client() -> None:
        for _ in range(15):
            status, headers, _ = eng.handle(model, "classify", json.dumps([row] * 2).encode())
            statuses.append(status)
            assert status == 200 or dict(headers)["Retry-After"]

    threads = [threading.Thread(target=client) for _ in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(statuses) == {200, 503}
    assert eng.stats()["rejected"] == statuses.count(503)


def test_an_expired_request_is_answered_504(tmp_path: Path) -> None:
    model = engine.Model.load(write_package(tmp_path / "toy" / "1", *dense_network((500, 10))))
    eng = engine.Engine(timeout_ms=1)
    many = json.dumps([[0.123456789012345] * 500] * 1000).encode()  # to read these alone takes longer
    assert eng.handle(model, "classify", many)[0] == 504
    assert eng.stats()["expired"] == 1 and eng.stats()["batches"] == 0
    assert eng.handle(model, "classify", json.dumps([0.5] * 500).encode())[0] == 200


def test_a_client_may_have_less_time_than_the_engine_gives(model: engine.Model) -> None:
    eng = engine.Engine()
    many = json.dumps([[0.123456789012345] * 4] * 50_000).encode()  # to read these alone takes longer
    assert eng.handle(model, "classify", many, timeout_ms=1)[0] == 504
    assert eng.handle(model, "classify", many, timeout_ms=60_000)[0] == 200
    assert eng.stats()["expired"] == 1


def test_background_requests_come_last(tmp_path: Path) -> None:
    model = engine.Model.load(write_package(tmp_path / "big" / "1", *dense_network((500, 1500, 1500, 10))))
    eng = engine.Engine(slots=1)
    rows = json.dumps([[0.5] * 500] * 1000).encode()
    order: list[str] = []

    def client(name: str, background: bool) -> None:
        assert eng.handle(model, "classify", rows, background=background)[0] == 200
        order.append(name)

    slow = threading.Thread(target=client, args=("background", True))
    slow.start()
    while eng.stats()["running"] == 0 and slow.is_alive():
        time.sleep(0.001)
    client("interactive", False)
    slow.join()
    assert order == ["interactive", "background"]


def test_close_waits_for_what_is_queued(tmp_path: Path) -> None:
    model = engine.Model.load(write_package(tmp_path / "big" / "1", *dense_network((500, 1000, 10))))
    eng = engine.Engine(slots=1)
    body = json.dumps([[0.5] * 500] * 200).encode()
    statuses: list[int] = []

    def client() -> None:
        statuses.append(eng.handle(model, "classify", body)[0])

    threads = [threading.Thread(target=client) for _ in range(6)]
    for t in threads:
        t.start()
    time.sleep(0.01)
    eng.close()
    for t in threads:
        t.join(10)
    assert len(statuses) == 6 and set(statuses) <= {200, 503}


class Picture:
    """A package that takes pictures of 2 × 2, and a decoder that returns what it is told."""

    def __init__(self, folder: Path) -> None:
        manifest, tensors = dense_network((4, 3))
        manifest["inputs"][0]["image"] = {
            "height": 2,
            "width": 2,
            "channels": 1,
            "steps": [{"op": "grayscale"}, {"op": "resize", "height": 2, "width": 2, "filter": "nearest"}],
        }
        self.model = engine.Model.load(write_package(folder / "1", manifest, tensors))
        self.answer: object = (bytes([0, 50, 100, 200]), 2, 2, 1)
        self.engine = engine.Engine(decode_image=self.decode)

    def decode(self, encoded: bytes, useful_edge: int, max_pixels: int):
        self.seen = encoded
        assert useful_edge >= 2 and max_pixels > 0
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def test_a_picture_is_decoded_and_becomes_a_row(tmp_path: Path) -> None:
    picture = Picture(tmp_path)
    by_numbers = ask(picture.engine, picture.model, [0, 50, 100, 200])
    assert ask(picture.engine, picture.model, b"encoded", "image/png") == by_numbers
    assert picture.seen == b"encoded"


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_the_decoder_says_what_is_wrong(tmp_path: Path, status: int) -> None:
    picture = Picture(tmp_path)
    picture.answer = error = engine.InputError("not like this")
    error.status = status  # type: ignore[attr-defined]
    assert ask(picture.engine, picture.model, b"encoded", "image/png") == (status, {"error": "not like this"})


def test_a_fault_of_the_decoder_is_raised(tmp_path: Path) -> None:
    picture = Picture(tmp_path)
    for answer in (ZeroDivisionError("oops"), (b"123", 2, 2, 1), (b"1234", 2, 2), None, (b"", 0, 0, 0)):
        picture.answer = answer
        with pytest.raises((ZeroDivisionError, TypeError, ValueError)):
            ask(picture.engine, picture.model, b"encoded", "image/png")
    picture.answer = (bytes(4), 2, 2, 1)
    assert ask(picture.engine, picture.model, b"encoded", "image/png")[0] == 200


def test_pictures_can_be_handled_together(tmp_path: Path) -> None:
    picture = Picture(tmp_path)
    numbers = together(picture.model, b"[0, 50, 100, 200]")
    encoded = (picture.model, "classify", b"encoded", "image/png", "abc-1", 0.0, 0, -1)
    replies = picture.engine.handle_together([encoded, numbers, encoded])
    assert [status for status, _, _ in replies] == [200] * 3
    assert len({reply for _, _, reply in replies}) == 1
    picture.answer = ZeroDivisionError("oops")
    with pytest.raises(ZeroDivisionError):
        picture.engine.handle_together([numbers, encoded, numbers])
    assert picture.engine.handle_together([numbers])[0][0] == 200
