"""Predict requests of every protocol, good and bad, for a model `pets` (versions 1 and 2) that takes 4 `numbers`."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from werkzeug.test import EnvironBuilder

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ROW = [0.5, -1.0, 2.0, 0.25]
ROWS = [ROW, [1, 2, 3, 4]]
ROW_TEXT = json.dumps(ROW)


@dataclass
class Case:
    """A request, and whether the fast path is to take it."""

    url: str
    body: Any = ROW_TEXT
    content_type: str = JSON
    fast: bool = True
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    environ: dict[str, Any] = field(default_factory=dict)

    def open(self) -> dict[str, Any]:
        """A new environ: a body can be read once."""
        text = self.body if isinstance(self.body, bytes | str) else json.dumps(self.body)
        path, _, query = self.url.partition("?")
        builder = EnvironBuilder(
            path,
            method=self.method,
            query_string=query,
            data=text,
            content_type=self.content_type or None,
            headers=self.headers,
        )
        environ = builder.get_environ() | {"wsgi.input_terminated": True} | self.environ
        return {name: value() if callable(value) else value for name, value in environ.items()}


Answer = tuple[str, list[tuple[str, str]], bytes]


def run(wsgi: Any, environ: dict[str, Any]) -> Answer:
    answered: list[Any] = []
    reply = wsgi(environ, lambda status, headers, _=None: answered.append((status, headers)))
    body = b"".join(reply)
    if hasattr(reply, "close"):
        reply.close()
    ((status, headers),) = answered
    times = {
        "Server-Timing": re.compile(r"(?<=dur=)[0-9.]+"),
        "X-Queue-Us": re.compile("[0-9]+"),
        "X-Request-ID": re.compile("(?<=-)[0-9a-f]+"),
    }
    return (
        status,
        [(name, times[name].sub("", value) if name in times else value) for name, value in headers],
        body,
    )


def tensor(**changes: Any) -> dict[str, Any]:
    whole = {"name": "numbers", "shape": [1, 4], "datatype": "FP32", "data": ROW} | changes
    return {"inputs": [{name: value for name, value in whole.items() if value is not None}]}


JSON_SIZE = "Inference-Header-Content-Length"


def binary(request: dict[str, Any], data: bytes, content_type: str = "application/octet-stream") -> Case:
    """A request whose tensors follow its JSON."""
    head = json.dumps(request).encode()
    return Case(INFER, head + data, content_type, headers={JSON_SIZE: str(len(head))})


PREDICT, INFER = "/v1/models/pets:predict", "/v2/models/pets/infer"

CASES = [
    # /classify: what is taken, in each of its forms
    Case("/classify"),
    Case("/classify", ROWS),
    Case("/classify", {"data": ROWS}),
    Case("/classify", content_type=""),
    Case("/classify", content_type=f"{JSON}; charset=utf-8"),
    Case("/classify", "data=0.5,-1,2,0.25", FORM),
    Case("/classify", ROW_TEXT, FORM),
    Case(
        "/classify",
        '--b\r\nContent-Disposition: form-data; name="data"\r\n\r\n1,2,3,4\r\n--b--',
        "multipart/form-data; boundary=b",
    ),
    Case("/classify", "1,2,3,4\n5,6,7,8\n", "text/csv"),
    Case("/classify", "1 2 3 4", "text/plain"),
    Case("/classify?top=1"),
    Case("/classify?top=000001"),
    Case("/classify?model=pets"),
    Case("/classify?version=1"),
    Case("/classify?model=pets&version=1"),
    Case("/classify?model=pets&version=2&top=2"),
    # and refused, by the engine
    Case("/classify", "[0.5, -1.0"),
    Case("/classify", "hello"),
    Case("/classify", [1, 2, 3]),
    Case("/classify", [1, "two", 3, 4]),
    Case("/classify", "[1, 2, NaN, 4]"),
    Case("/classify", "[1, 2, 1e999, 4]"),
    Case("/classify", "[" * 900),
    Case("/classify", b"\xff\xfe[\x001\x00"),
    Case("/classify", "1,2,three,4", "text/csv"),
    Case("/classify", "a=1&b=2", FORM),
    Case("/classify", "no parts", "multipart/form-data"),
    Case("/classify", "<row/>", "application/xml"),
    Case("/classify", "<row/>", "application/\xe4"),
    Case("/classify", "I am a text file", "image/png"),
    Case("/classify", b"\x89PNG\r\n\x1a\n and then nothing", "image/png"),
    Case("/classify", " " * 900 + ROW_TEXT),
    # and what is Flask's to answer
    Case("/classify", b"", fast=False),
    Case("/classify", " " * 1100 + ROW_TEXT, fast=False),
    Case("/classify?top=0", fast=False),
    Case("/classify?top=all", fast=False),
    Case("/classify?top=", fast=False),
    Case("/classify?top=99999999999", fast=False),
    Case("/classify?top=1&top=2", fast=False),
    Case("/classify?top=1&version=1", fast=False),
    Case("/classify?version=01", fast=False),
    Case("/classify?version=1&model=pets", fast=False),
    Case("/classify?version=9", fast=False),
    Case("/classify?version=-1", fast=False),
    Case("/classify?model=fish", fast=False),
    Case("/classify?model=p%65ts", fast=False),
    Case("/classify?model=pets&debug=1", fast=False),
    Case("/classify?&", fast=False),
    Case("/classify/", fast=False),
    Case("//classify", fast=False),
    Case("/Classify", fast=False),
    Case("/classify", method="PUT", fast=False),
    Case("/classify", method="GET", fast=False),
    Case("/classify", b"", method="OPTIONS", fast=False),
    Case("/classify", headers={"Expect": "100-continue"}, fast=False),
    Case("/classify", headers={"Content-Encoding": "gzip"}, fast=False),
    Case("/classify", headers={"X-Request-Timeout-Ms": "60000"}, fast=False),
    Case("/classify", headers={"X-Request-Timeout-Ms": "soon"}, fast=False),
    Case("/classify", headers={"X-Request-Priority": "background"}, fast=False),
    Case("/classify", headers={"X-Request-Priority": "urgent"}, fast=False),
    Case("/classify", environ={"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}, fast=False),
    Case("/classify", environ={"CONTENT_LENGTH": "many"}, fast=False),
    Case("/classify", environ={"CONTENT_LENGTH": "-5"}, fast=False),
    Case("/classify", environ={"CONTENT_LENGTH": "+5"}, fast=False),
    Case("/classify", environ={"CONTENT_LENGTH": "\xb2"}, fast=False),
    Case("/classify", environ={"CONTENT_LENGTH": "9" * 5000}, fast=False),
    # bodies that break off: found when they are read, and told by Flask
    Case("/classify", environ={"CONTENT_LENGTH": "500"}, fast=False),
    Case("/classify", environ={"CONTENT_LENGTH": "500", "wsgi.input_terminated": False}, fast=False),
    # /v1
    Case(PREDICT, {"instances": ROWS}),
    Case(PREDICT, {"signature_name": "serving_default", "instances": [{"numbers": ROW}]}),
    Case(PREDICT, {"inputs": ROWS}),
    Case(PREDICT, {"inputs": {"numbers": ROWS}}, "text/plain"),
    Case(PREDICT, {"instances": ROWS}, ""),
    Case(PREDICT, {"instances": ROWS}, FORM),
    Case(PREDICT, '{"instances": [[NaN, 1, 2, Infinity]]} trailing'),
    Case("/v1/models/pets/versions/1:predict", {"instances": ROWS}),
    Case(PREDICT, "{"),
    Case(PREDICT, "[]"),
    Case(PREDICT, {"instances": []}),
    Case(PREDICT, {"instances": [[1, 2], [3]]}),
    Case(PREDICT, {"instances": [{"b64": "aGk="}]}),
    Case(PREDICT, {"instances": ROWS, "inputs": ROWS}),
    Case(PREDICT, {"instances": ROWS, "signature_name": "other"}),
    Case(PREDICT, {"instances": ROWS, "signature_name": 5}),
    Case("/v1/models/pets:classify", {"examples": [{"numbers": ROW}]}),
    Case("/v1/models/pets/versions/1:classify", {"examples": [{}], "context": {"numbers": ROW}}),
    Case("/v1/models/pets:classify", {"examples": [{"numbers": None}]}),
    Case("/v1/models/pets:classify", {"instances": ROWS}),
    Case("/v1/models/pets:regress", {"examples": [{"numbers": ROW}]}),
    Case("/v1/models/fish:classify", {"examples": []}, fast=False),
    Case(PREDICT, b"", fast=False),
    Case(PREDICT + "?a=1", {"instances": ROWS}, fast=False),
    Case(PREDICT, {"instances": ROWS}, method="DELETE", fast=False),
    Case("/v1/models/pets/versions/9:predict", {"instances": ROWS}, fast=False),
    Case("/v1/models/pets/versions/01:predict", {"instances": ROWS}, fast=False),
    Case("/v1/models/fish:predict", {"instances": ROWS}, fast=False),
    Case("/v1/models/fish:predict", "{", fast=False),
    Case("/v1/models/pets:explain", {"instances": ROWS}, fast=False),
    Case("/v1/models/p%C3%A9ts:predict", {"instances": ROWS}, fast=False),
    # /v2
    Case(INFER, tensor()),
    Case(INFER, tensor() | {"id": '42 \u00e9"', "parameters": {"a": 1}, "outputs": [{"name": "scores"}]}),
    Case(INFER, tensor(shape=[2, 4], data=ROWS)),
    Case(INFER, tensor(datatype="INT8", data=[1, 2, 3, 4]), ""),
    Case(INFER, tensor(), FORM),
    Case("/v2/models/pets/versions/1/infer", tensor()),
    Case(INFER, tensor(shape=[1, 5])),
    Case(INFER, tensor(data=None)),
    Case(INFER, tensor(name="other")),
    Case(INFER, tensor() | {"outputs": [{"name": "other"}]}),
    Case(INFER, "{}}"),
    Case(INFER, '{"inputs": [{"name": "numbers", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, NaN, 4]}]}'),
    Case(INFER, tensor(data=[1e38, 1e38, 1e38, 1e38])),
    Case(INFER, tensor(), "application/octet-stream"),
    Case(INFER, tensor(datatype="INT32", data=[16777217, 0, 0, 0])),
    Case(INFER, tensor(datatype="FP16")),
    Case(INFER, tensor() | {"parameters": {"timeout": "soon"}}),
    Case(INFER, tensor() | {"parameters": {"priority": 2, "binary_data_output": True}}),
    Case(INFER, tensor() | {"outputs": [{"name": "scores", "parameters": {"binary_data": True}}]}),
    Case(INFER, tensor() | {"outputs": [{"name": "scores", "parameters": {"classification": 1}}]}),
    Case(INFER, tensor() | {"outputs": [{"name": "scores", "parameters": {"classification": 1, "binary_data": True}}]}),
    # binary tensors
    binary(tensor(data=None, parameters={"binary_data_size": 16}), np.float32(ROW).tobytes()),
    binary(tensor(data=None, datatype="FP16", parameters={"binary_data_size": 8}), np.float16(ROW).tobytes()),
    binary(tensor(data=None, datatype="FP64", parameters={"binary_data_size": 32}), np.float64(ROW).tobytes(), ""),
    binary(tensor(data=None, datatype="INT64", parameters={"binary_data_size": 32}), np.int64([1, 2, 3, 4]).tobytes()),
    binary(tensor(data=None, datatype="BOOL", parameters={"binary_data_size": 4}), b"\0\1\1\0"),
    binary(tensor(data=None, datatype="BOOL", parameters={"binary_data_size": 4}), b"\0\1\2\0"),
    binary(
        tensor(data=None, datatype="INT64", parameters={"binary_data_size": 32}), np.int64([2**24 + 1] * 4).tobytes()
    ),
    binary(tensor(data=None, parameters={"binary_data_size": 12}), bytes(16)),
    binary(tensor(data=None, parameters={"binary_data_size": 16}), bytes(12)),
    binary(tensor(data=None, parameters={"binary_data_size": 16}), bytes(20)),
    binary(tensor(data=None), bytes(16)),
    binary(tensor(parameters={"binary_data_size": 16}), bytes(16)),
    binary(tensor(), b""),
    Case(INFER, np.float32(ROW).tobytes(), "application/octet-stream", headers={JSON_SIZE: "0"}),
    Case(INFER, np.float32(ROWS).tobytes(), "", headers={JSON_SIZE: "0"}),
    Case(INFER, bytes(15), "", headers={JSON_SIZE: "0"}),
    Case(INFER, tensor(), headers={JSON_SIZE: "10"}),
    Case(INFER, tensor(), headers={JSON_SIZE: "999999999999"}),
    Case(INFER, tensor(), headers={JSON_SIZE: "9999999999999"}, fast=False),
    Case(INFER, tensor(), headers={JSON_SIZE: "-1"}, fast=False),
    Case(INFER, tensor(), headers={JSON_SIZE: "ten"}, fast=False),
    Case("/v2/models/pets/versions/9/infer", tensor(), fast=False),
    Case("/v2/models/fish/infer", tensor(), fast=False),
    Case("/v2/models/pets/infer/", tensor(), fast=False),
    Case("/v2/models/pets/infer", tensor(), method="PATCH", fast=False),
    Case("/v2/models/pets/ready", tensor(), fast=False),
]
