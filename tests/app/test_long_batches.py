"""Many rows: answers as CSV, and files of any length as NDJSON."""

import csv
import gzip
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from model_packages import identity_network, write_package
from pyapp import create_app
from pyapp.api import lines

ROWS = [[0.5, -1.0, 2.0, 0.25], [1, 2, 3, 4], [-1, 0, 0, 1]]
NDJSON = "application/x-ndjson"


def table(reply: Any) -> list[list[str]]:
    assert reply.status_code == 200, reply.text
    assert reply.content_type == "text/csv; charset=utf-8; header=present" and "Accept" in reply.headers["Vary"]
    return list(csv.reader(reply.text.splitlines()))


# ------------------------------------------------------------------------------------------------------------ CSV out


def test_answers_as_csv(client: FlaskClient) -> None:
    told = client.post("/classify", json=ROWS).json["results"]
    header, *found = table(client.post("/classify", json=ROWS, headers={"Accept": "text/csv"}))
    assert header == ["label", "score", "cat", "dog"]
    assert [[row[0], *map(float, row[1:])] for row in found] == [[r["label"], r["score"], *r["scores"]] for r in told]
    assert len(table(client.post("/classify", json=ROWS[0], headers={"Accept": "text/csv"}))) == 2
    header, first, *_ = table(client.post("/classify?top=2", json=ROWS, headers={"Accept": "text/csv"}))
    assert header == ["label", "score", "label_2", "score_2"] and sorted(first[::2]) == ["cat", "dog"]


def test_values_as_csv(tmp_path: Path) -> None:
    for width in (1, 2):
        inputs = [{"name": "x", "kind": "tensor", "shape": [width]}]
        write_package(tmp_path / f"m{width}" / "1", *identity_network(inputs, width))
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    accept = {"Accept": "text/csv"}
    assert table(client.post("/classify?model=m1", json=[[1], [2.5]], headers=accept)) == [["value"], ["1.0"], ["2.5"]]
    assert table(client.post("/classify?model=m2", json=[1, 2], headers=accept)) == [
        ["value_1", "value_2"],
        ["1.0", "2.0"],
    ]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", "text/csv"),
        ("text/csv;q=0.9, application/json;q=0.1", "text/csv"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/*", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("", "application/json"),
        ("text/csv;q=many", "application/json"),
    ],
)
def test_what_is_accepted(accept: str, expected: str, client: FlaskClient) -> None:
    client.get("/healthz")  # from here on the fast path is open
    reply = client.post("/classify", json=ROWS, headers={"Accept": accept})
    assert reply.status_code == 200 and reply.mimetype == expected


def test_errors_stay_json(client: FlaskClient) -> None:
    reply = client.post("/classify", json=[1], headers={"Accept": "text/csv"})
    assert reply.status_code == 422 and "takes 4" in reply.json["error"]


# ---------------------------------------------------------------------------------------------------------- NDJSON in


def told(reply: Any) -> list[dict[str, Any]]:
    assert reply.status_code == 200, reply.text
    assert reply.content_type == NDJSON
    return [json.loads(line) for line in reply.text.splitlines()]


def ndjson(rows: list[Any], end: str = "\n") -> bytes:
    return "".join(json.dumps(row) + end for row in rows).encode()


@pytest.mark.parametrize("content_type", [*lines.CONTENT_TYPES, "application/x-ndjson; charset=utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", " \n\t\n"])
def test_a_line_has_the_answer_of_its_row(content_type: str, end: str, client: FlaskClient) -> None:
    expected = client.post("/classify", json=ROWS).json["results"]
    for body in (ndjson(ROWS, end), ndjson(ROWS, end).rstrip()):
        reply = client.post("/classify", data=body, content_type=content_type)
        assert told(reply) == expected and reply.headers["X-Model-Version"] == "2"


def test_version_and_top(client: FlaskClient) -> None:
    expected = client.post("/classify?version=1&top=1", json=ROWS).json["results"]
    assert told(client.post("/classify?version=1&top=1", data=ndjson(ROWS), content_type=NDJSON)) == expected
    assert client.post("/classify?version=9", data=ndjson(ROWS), content_type=NDJSON).status_code == 404
    assert client.post("/classify", data=b"", content_type=NDJSON).data == b""


def test_a_wrong_line_is_told_and_the_others_answered(client: FlaskClient) -> None:
    good = client.post("/classify", json=ROWS).json["results"][0]
    body = b"\n".join(
        [b"[0.5, -1.0, 2.0, 0.25]", b"", b"[1, 2]", b"nonsense", b'[1, 2, "x", 4]', b'{"data": [0.5, -1.0, 2.0, 0.25]}']
    )
    found = told(client.post("/classify", data=body, content_type=NDJSON))
    assert found[0] == found[4] == good
    assert [line.get("line") for line in found] == [None, 3, 4, 5, None]
    assert "takes 4" in found[1]["error"] and found[3]["where"] == "/2"


def test_lines_that_are_json_only_together_are_wrong(client: FlaskClient) -> None:
    body = b"[1, 2, 3, 4], [5\n6, 7, 8]\n[1, 2, 3, 4], [1, 2, 3, 4]\n[1,2,3,4]\n"
    found = told(client.post("/classify", data=body, content_type=NDJSON))
    assert [line.get("line") for line in found] == [1, 2, 3, None]
    assert all("error" in line for line in found[:3])


def test_rows_of_many_and_bodies_that_are_compressed(client: FlaskClient) -> None:
    results = client.post("/classify", json=ROWS).json["results"]
    body = gzip.compress(ndjson([ROWS, ROWS[0]]))
    found = told(client.post("/classify", data=body, content_type=NDJSON, headers={"Content-Encoding": "gzip"}))
    assert found == [{"results": results}, results[0]]
    cut = client.post("/classify", data=body[:-9], content_type=NDJSON, headers={"Content-Encoding": "gzip"})
    assert told(cut)[-1]["error"].startswith("the body breaks off")


@pytest.mark.parametrize("name", ["table", "text"])
def test_records_and_texts(name: str, tmp_path: Path) -> None:
    steps = [{"op": "count_words", "input": "in", "vocabulary": ["good", "bad"], "norm": None}]
    columns = [{"name": "a", "type": "number"}, {"name": "b", "type": "boolean"}]
    kinds = {"table": {"kind": "table", "columns": columns}, "text": {"kind": "text"}}
    rows = {"table": [{"a": 2, "b": True}, {"b": False, "a": 1}], "text": ["good good bad", "bad\n\u2028"]}
    network = identity_network([{"name": "in", **kinds[name]}], 2, steps if name == "text" else ())
    write_package(tmp_path / name / "1", *network)
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    found = told(client.post("/classify", data=ndjson(rows[name]), content_type=NDJSON))
    assert [line["values"] for line in found] == ([[2, 1], [1, 0]] if name == "table" else [[2, 1], [0, 1]])


@pytest.fixture
def small(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, "SERVING_MAX_BODY_BYTES": 10_000})


def test_a_file_beyond_the_largest_body_in_bounded_memory(store: Path) -> None:
    """A stream without a length, in a process of its own: neither it nor its answers are ever there as a whole."""
    code = f"""
import tracemalloc
from pyapp import create_app

line, taken, statuses, count = b"[1, 2, 3, 4]\\n" * 100, 0, [], 0

class Endless:
    def read(self, size=-1):
        global taken
        if taken >= 1_000_000:
            return b""
        taken += len(line)
        return line

app = create_app({{"SERVING_MODELS": {str(store)!r}, "SERVING_MAX_BODY_BYTES": 10_000, "SERVING_POLL_SECONDS": 0}})
environ = {{"REQUEST_METHOD": "POST", "PATH_INFO": "/classify", "CONTENT_TYPE": {NDJSON!r}, "wsgi.input": Endless()}}
environ |= {{"wsgi.input_terminated": True, "SERVER_NAME": "x", "SERVER_PORT": "1", "wsgi.url_scheme": "http"}}
tracemalloc.start()
reply = app.wsgi_app(environ, lambda status, *_: statuses.append(status))
for piece in reply:
    count += piece.count(b"\\n")
reply.close()
print(statuses, count == taken // len(line) * 100, tracemalloc.get_traced_memory()[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    told, peak = done.stdout.rsplit(maxsplit=1) if done.stdout else ("", "0")
    assert told == "['200 OK'] True", done.stderr
    assert int(peak) < 600_000


def test_a_line_beyond_the_largest_body_is_told(small: Flask) -> None:
    body = b"[1,2,3,4]\n[" + b"1," * 100_000 + b"1]\n[1,2,3,4]\n[" + b"1," * 100_000
    found = told(small.test_client().post("/classify", data=body, content_type=NDJSON))
    assert [line.get("line") for line in found] == [None, 2, None, 4] and "10000 bytes" in found[1]["error"]


def test_the_first_answers_leave_before_the_body_has_ended() -> None:
    ended = False

    def pieces() -> Iterator[bytes]:
        nonlocal ended
        for _ in range(3):
            yield b"[1]\n" * lines.CHUNK_LINES
        ended = True

    reply = lines.answer(pieces(), _echo, 10_000, 60)
    assert next(reply).count(b"\n") == lines.CHUNK_LINES and not ended


def _echo(body: bytes) -> tuple[int, bytes]:
    value = json.loads(body)
    return 200, json.dumps({"results": [{"value": row} for row in value]}).encode()


def test_a_body_that_takes_too_long_is_ended() -> None:
    def pieces() -> Iterator[bytes]:
        for i in itertools.count():
            yield f"[{i}]\n".encode()
            time.sleep(0.01)

    found = [json.loads(line) for line in b"".join(lines.answer(pieces(), _echo, 1000, 0.2)).splitlines()]
    assert "SERVING_STREAM_SECONDS" in found[-1]["error"] and found[-1]["line"] == len(found)
    assert found[0] == {"value": [0]} and len(found) > 2


def test_a_busy_server_is_waited_for() -> None:
    replies = iter([503, 503])

    def busy(body: bytes) -> tuple[int, bytes]:
        status = next(replies, 200)
        return _echo(body) if status == 200 else (status, b'{"error": "full"}')

    assert b"".join(lines.answer([b"[1]\n[2]\n"], busy, 1000, 60)) == b'{"value": [1]}\n{"value": [2]}\n'
    always = b"".join(lines.answer([b"[1]\n[2]\n"], lambda _: (503, b'{"error": "full"}'), 1000, 0.1))
    assert [json.loads(line) for line in always.splitlines()] == [{"error": "full", "line": i} for i in (1, 2)]


def test_streams_do_not_stand_in_each_others_way(small: Flask) -> None:
    results: list[int] = []

    def ask() -> None:
        reply = small.test_client().post("/classify", data=ndjson(ROWS) * 700, content_type=NDJSON)
        results.append(len(told(reply)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2100] * 4


def test_lines_are_cut_alike_wherever_pieces_end() -> None:
    text = b"one\n\n  \r\ntwo\r\n" + b"x" * 30 + b"\nthree"
    expected = [(1, b"one"), (4, b"two"), (5, None), (6, b"three")]
    for size in range(1, len(text) + 1):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        assert list(lines.lines(pieces, 20)) == expected
