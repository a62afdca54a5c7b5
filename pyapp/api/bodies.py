"""Request bodies: whole, or piece by piece; inflated where they come compressed, within bounds.

`Content-Encoding` may be gzip, deflate or zstd.  What is compressed is inflated in pieces of bounded size, so that a
few bytes that would become gigabytes are refused once they have become more than a body may have.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Protocol

from flask import request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, RequestTimeout, UnsupportedMediaType

from . import serving

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 16

_ZSTD_WINDOW_LOG = 23  # 8 MiB: what RFC 9659 has every sender of this encoding keep to


def read_body() -> bytes:
    """The whole body, inflated.

    Where it is malformed or breaks off, servers raise errors of their own, or just end it.

    It is read raw: touching `request.form` would have Werkzeug parse what the engine parses.
    """
    encoding = _encoding()
    body = _readable(lambda: request.get_data(cache=False))
    _check_size(len(body), request.content_length)
    if encoding is None:
        return body
    limit = serving().config.max_body_bytes
    if len(body) > limit:
        raise RequestEntityTooLarge
    parts, size = [], 0
    for piece in inflated([body], encoding):
        size += len(piece)
        if size > limit:
            raise RequestEntityTooLarge(f"the body is too large once it is inflated; at most {limit} bytes are taken")
        parts.append(piece)
    return b"".join(parts)


def pieces() -> Iterator[bytes]:
    """The body as it comes, inflated, however long it is: pieces of at most PIECE bytes.

    Raises BadRequest where it breaks off, here or while the pieces are taken.
    """
    request.max_content_length = sys.maxsize  # None would mean: as the app is configured
    encoding = _encoding()
    raw = _raw_pieces(request.stream, request.content_length)
    return raw if encoding is None else inflated(raw, encoding)


def inflated(raw: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """What `raw` was before it was compressed.  Raises BadRequest where it is damaged or breaks off."""
    decoder: _Decoder | None = None
    for data in raw:
        again = bool(data)
        while again:
            try:
                decoder = decoder or _DECODERS[encoding](data)
                piece, data, again = decoder.take(data)
            except (zlib.error, zstd.ZstdError) as error:
                raise BadRequest(f"the body is not {encoding}, which its Content-Encoding says: {error}") from None
            if piece:
                yield piece
            if decoder.eof:
                decoder = None  # another member or frame may follow
    if decoder is not None:
        raise BadRequest(f"the body breaks off: what is compressed in it ({encoding}) has no end")


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    def take(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """(at most PIECE bytes that came out, what of `data` must be given again, whether to come again at once)"""


class _Zlib:
    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def take(self, data: bytes) -> tuple[bytes, bytes, bool]:
        piece = self._inner.decompress(data, PIECE)
        left = self._inner.unused_data if self.eof else self._inner.unconsumed_tail
        return piece, left, bool(left) or (len(piece) == PIECE and not self.eof)


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    def take(self, data: bytes) -> tuple[bytes, bytes, bool]:
        piece = self._inner.decompress(data, PIECE)
        left = self._inner.unused_data if self.eof else b""
        return piece, left, bool(left) or not (self.eof or self._inner.needs_input)


def _deflate(data: bytes) -> _Zlib:
    """By its name this is zlib's format; some send bare deflate, which never begins as zlib does."""
    return _Zlib(zlib.MAX_WBITS if data[0] & 0x8F == 0x08 else -zlib.MAX_WBITS)


_DECODERS: dict[str, Callable[[bytes], _Decoder]] = {
    "gzip": lambda _: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "zstd": lambda _: _Zstd(),
}


def _encoding() -> str | None:
    """None: as it is."""
    name = request.headers.get("Content-Encoding", "").strip().lower()
    if name in ("", "identity"):
        return None
    name = name.removeprefix("x-")
    if name not in _DECODERS:
        expected = ", ".join(_DECODERS)
        raise UnsupportedMediaType(f"the Content-Encoding {name[:40]!r} is not taken; expected one of {expected}")
    return name


def _raw_pieces(stream: IO[bytes], announced: int | None) -> Iterator[bytes]:
    size = 0
    while piece := _readable(lambda: stream.read(PIECE)):
        size += len(piece)
        yield piece
    _check_size(size, announced)


def _readable(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except HTTPException as error:
        if isinstance(error.__context__, TimeoutError):  # of a server that waits for clients no longer than it likes
            raise RequestTimeout("the body stops in the middle, and nothing more of it came; send it again") from None
        raise
    except Exception as error:
        raise BadRequest(f"the body could not be read: {error}") from None


def _check_size(size: int, announced: int | None) -> None:
    if announced is not None and size < announced:
        raise BadRequest(f"the body ends after {size} bytes; {announced} were announced")
