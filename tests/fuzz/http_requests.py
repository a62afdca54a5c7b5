"""Valid requests of every protocol, and what becomes of them when a client is careless, broken or hostile."""

import gzip
import json
import random
import zlib
from dataclasses import dataclass, field, replace

ROW = [0.5, -1.0, 2.0, 0.25]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def encode(self) -> bytes:
        """As it goes over the wire."""
        headers = {"Host": "fuzz", "Content-Length": str(len(self.body)), **self.headers}
        head = f"{self.method} {self.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        return head.encode("latin-1") + b"\r\n" + self.body


def _json(method: str, path: str, value: object) -> Request:
    return Request(method, path, {"Content-Type": "application/json"}, json.dumps(value).encode())


_TENSOR = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": ROW}
_FORM = b'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\n0.5,-1,2,0.25\r\n--b--\r\n'

PICTURE = zlib.decompress(  # a PNG of one white pixel
    zlib.compress(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
            "3a7e9b550000000a49444154789c63f80f00010101001bb6ee560000000049454e44ae426082"
        )
    )
)

VALID = [
    _json("POST", "/classify?model=small", ROW),
    _json("POST", "/classify?model=small&top=2", [ROW, ROW]),
    _json("POST", "/classify?model=small&version=1", {"data": ROW}),
    Request("POST", "/classify?model=small", {"Content-Type": "application/x-www-form-urlencoded"}, b"data=0.5,-1,2,0"),
    Request("POST", "/classify?model=small", {"Content-Type": "multipart/form-data; boundary=b"}, _FORM),
    Request("POST", "/classify?model=small", {"Content-Type": "text/csv"}, b"0.5,-1,2,0.25\n1,2,3,4\n"),
    Request("POST", "/classify?model=small", {"Content-Type": "application/octet-stream"}, bytes(16)),
    Request("POST", "/classify?model=mnist", {"Content-Type": "image/png"}, PICTURE),
    Request(
        "POST",
        "/classify?model=small",
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        gzip.compress(json.dumps(ROW).encode()),
    ),
    _json("POST", "/v1/models/small:predict", {"instances": [ROW]}),
    _json("POST", "/v1/models/small/versions/1:predict", {"inputs": {"x": [ROW]}}),
    _json("POST", "/v2/models/small/infer", {"id": "1", "inputs": [_TENSOR]}),
    _json("POST", "/v2/models/small/versions/1/infer", {"inputs": [_TENSOR], "outputs": [{"name": "scores"}]}),
    Request(
        "POST", "/v2/models/small/infer", {"Inference-Header-Content-Length": "98", "Content-Type": "x/y"}, bytes(114)
    ),
    Request("GET", "/"),
    Request("GET", "/healthz"),
    Request("GET", "/api/models"),
    Request("GET", "/v1/models/small/metadata"),
    Request("GET", "/v2"),
    Request("GET", "/v2/models/small"),
    Request("GET", "/v2/models/small/ready"),
    Request("GET", "/api/models/small/compare"),
    _json("POST", "/api/feedback", {"request_id": "x", "label": "1"}),
    _json("POST", "/api/models/small/promote", {"version": 1}),
    Request("PUT", "/api/models/small/versions/3", {"Content-Type": "application/zip"}, b"PK\x05\x06" + bytes(18)),
]

METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "BREW", "G\tT", ""]

PIECES = ["..", ".", "", "%00", "%2e%2e", "models", "small", "mnist", "versions", "1", "0", "99999999999999999999"]
PIECES += [
    "labels",
    "infer",
    "small:predict",
    ":",
    "é",
    "%ff%fe",
    "a" * 3000,
    "etc",
    "passwd",
    "static",
    "api",
    "v1",
    "v2",
]

ODD_HEADERS = [
    ("Content-Type", ""),
    ("Content-Type", "multipart/form-data"),
    ("Content-Type", "multipart/form-data; boundary=" + "x" * 5000),
    ("Content-Type", "application/json; charset=\xff"),
    ("Content-Encoding", "gzip, gzip, deflate, br"),
    ("Content-Encoding", "nonsense"),
    ("Inference-Header-Content-Length", "-1"),
    ("Inference-Header-Content-Length", "99999999999999999999"),
    ("X-Request-Timeout-Ms", "1"),
    ("X-Request-Timeout-Ms", "٣"),
    ("X-Request-Priority", "background"),
    ("X-Request-ID", "a" * 2000),
    ("Authorization", "Bearer \xff\xfe"),
    ("X-API-Key", "\x01\x02"),
    ("Expect", "100-continue"),
    ("Expect", "the worst"),
    ("Connection", "close, keep-alive, upgrade"),
    ("Upgrade", "h2c"),
    ("Range", "bytes=0-1,2-3,4-"),
    ("If-None-Match", '"' * 100),
    ("Accept", "*/*;q=nan"),
    ("Host", ""),
    ("Cookie", "=" * 4000),
    ("traceparent", "00-" + "0" * 32 + "-zz-01"),
]

BODIES = [
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b"[" + b"9" * 50_000 + b"]",
    b"[1e999999999, -1e-999999999, NaN, Infinity]",
    b'"' + b"\\u0000" * 1000 + b'"',
    b"\xff\xfe\x00" * 1000,
    b"null",
    b"[[]]",
    b'{"instances": [{"b64": "!!!"}]}',
    b'{"inputs": [{"name": "x", "shape": [9223372036854775807, 9223372036854775807], "datatype": "FP32", "data": []}]}',
    b'{"inputs": [{"name": "x", "shape": [-1, 4], "datatype": "BYTES", "data": ["a"]}]}',
    b"GIF89a\xff\xff\xff\xff" + bytes(100),
    b"\x89PNG\r\n\x1a\n" + bytes(50),
    b"",
]


def mutated(rng: random.Random) -> bytes:
    """One of the valid requests, changed here and there."""
    request = rng.choice(VALID)
    for _ in range(rng.randint(1, 3)):
        request = rng.choice([_other_body, _other_header, _other_path, _other_method, _flipped])(rng, request)
    raw = request.encode()
    if rng.random() < 0.2:  # anywhere, the head included
        raw = _flip(rng, raw)
    return raw


def bomb(rng: random.Random) -> bytes:
    """A small body that inflates to 64 MiB."""
    data = b"[" + b"0," * (32 << 20)
    kind = rng.choice(["gzip", "deflate"])
    body = gzip.compress(data, 9) if kind == "gzip" else zlib.compress(data, 9)
    headers = {"Content-Type": "application/json", "Content-Encoding": kind}
    return Request("POST", rng.choice(VALID[:12]).path, headers, body).encode()


def badly_chunked(rng: random.Random) -> bytes:
    """Transfer-Encoding: chunked, with chunks that are none."""
    pieces = [b"5\r\n[0.5,\r\n", b"zz\r\n", b"-1\r\nabc\r\n", b"ffffffffffffffffff\r\n", b"5;ext=1\r\nab", b"\r\n\r\n"]
    pieces += [b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"4\r\n1234", b"\x00\xff", b"1\n1\n", b"3\r\n123\r\n"]
    path, coding = rng.choice(VALID[:12]).path, rng.choice(["chunked", "Chunked", "gzip, chunked", "chunked, chunked"])
    head = f"POST {path} HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\nTransfer-Encoding: {coding}\r\n"
    if rng.random() < 0.3:
        head += "Content-Length: 5\r\n"
    return head.encode() + b"\r\n" + b"".join(rng.choices(pieces, k=rng.randint(1, 6)))


def wrong_length(rng: random.Random) -> bytes:
    """Content-Length that is not the body's."""
    request = rng.choice(VALID[:12])
    length = rng.choice(["-1", "+5", "0x10", "1e3", "5, 5", "5\r\nContent-Length: 6", "99999999999999999999", "", " "])
    if rng.random() < 0.5:
        length = str(max(0, len(request.body) + rng.choice([-9, -1, 1, 100, 10**6])))
    return replace(request, headers={**request.headers, "Content-Length": length}).encode()


def huge_head(rng: random.Random) -> bytes:
    """Many headers, long ones, or a long path."""
    kind = rng.randrange(3)
    if kind == 0:
        return Request("GET", "/healthz", {f"X-{i}": "y" * 20 for i in range(rng.choice([101, 1000, 20_000]))}).encode()
    size = rng.choice([9_000, 70_000, 1_000_000])
    if kind == 1:
        return Request("GET", "/healthz", {"X-Long": "y" * size}).encode()
    return Request("GET", "/" + "p" * size).encode()


def garbage(rng: random.Random) -> bytes:
    """Not HTTP at all."""
    if rng.random() < 0.3:
        return rng.choice(
            [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n" * 500]
        )
    return rng.randbytes(rng.randint(1, 5000))


def _other_body(rng: random.Random, request: Request) -> Request:
    return replace(request, body=rng.choice(BODIES))


def _other_header(rng: random.Random, request: Request) -> Request:
    name, value = rng.choice(ODD_HEADERS)
    return replace(request, headers={**request.headers, name: value.encode().decode("latin-1")})


def _other_path(rng: random.Random, request: Request) -> Request:
    path = (
        "/"
        + "/".join(rng.choices(PIECES, k=rng.randint(1, 6)))
        + rng.choice(["", "?", "?top=-1", "?version=x&&=", "?" + "a=" * 500])
    )
    return replace(request, path=path.encode().decode("latin-1").replace(" ", ""))


def _other_method(rng: random.Random, request: Request) -> Request:
    return replace(request, method=rng.choice(METHODS))


def _flipped(rng: random.Random, request: Request) -> Request:
    return replace(request, body=_flip(rng, request.body))


def _flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(3)
        if kind == 0 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif kind == 1:
            changed[at:at] = rng.randbytes(rng.randint(1, 4))
        else:
            del changed[at : at + rng.randint(1, 9)]
    return bytes(changed)
