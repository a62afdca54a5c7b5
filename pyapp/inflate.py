"""Bodies that come compressed: gzip, deflate, and zstd where a library for it is there; bounded while they grow."""

import zlib
from collections.abc import Callable
from typing import Protocol


class _Inflater(Protocol):
    """What zlib's and zstd's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class InflateError(ValueError):
    """The body is not of the encoding that it says, or breaks off."""


class TooLargeError(ValueError):
    """It is larger than is taken, once inflated."""


def _zstd() -> Callable[[], _Inflater] | None:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
    except ModuleNotFoundError:
        try:
            from backports import zstd
        except ModuleNotFoundError:
            return None
    return zstd.ZstdDecompressor  # type: ignore[no-any-return, unused-ignore]


def encodings() -> list[str]:
    """What is taken, for Accept-Encoding."""
    return ["gzip", "deflate"] + (["zstd"] if _zstd() else [])


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body before it was compressed: `encoding` is one of `encodings()`, or `x-gzip`, in any case.

    Raises LookupError for an encoding that is not taken, InflateError, and TooLargeError beyond `limit` bytes.
    """
    made: list[bytes] = []
    size = 0
    while body:
        inflater = _inflater(encoding.strip().lower(), body)
        try:
            made.append(inflater.decompress(body, limit - size + 1))
        except (zlib.error, ValueError, OSError, EOFError) as error:
            raise InflateError(f"the body is not {encoding}: {error}") from None
        except Exception as error:  # zstd has an error of its own, which is no ValueError
            raise InflateError(f"the body is not {encoding}: {error}") from None
        size += len(made[-1])
        if size > limit:
            raise TooLargeError
        if not inflater.eof:
            raise InflateError(f"the {encoding} body breaks off")
        body = inflater.unused_data  # gzip and zstd may go on with another member
    return b"".join(made)


def _inflater(encoding: str, body: bytes) -> _Inflater:
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    if encoding == "deflate":  # RFC 9110 means zlib's format; some clients send it bare, whose first byte is another
        wrapped = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
    if encoding == "zstd" and (make := _zstd()):
        return make()
    raise LookupError(encoding)
