"""What went wrong, as exceptions: each says what the server said, and where."""

import json
from typing import Any

import httpx


class ClientError(Exception):
    """Base of all.  `status` is None where no reply came."""

    def __init__(
        self,
        message: str,
        status: int | None = None,
        where: str = "",
        offset: int | None = None,
        request_id: str = "",
    ) -> None:
        """`where`: JSON pointer, query parameter or header that it is about; `offset`: byte of the body."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.where = where
        self.offset = offset
        self.request_id = request_id
        """By which the server's log has it."""

    def __str__(self) -> str:
        """`422 at /data/3: …`"""
        head = " ".join(filter(None, [str(self.status or ""), f"at {self.where}" if self.where else ""]))
        return f"{head}: {self.message}" if head else self.message


class InputError(ClientError):
    """The request is wrong (400, 405, 413, 415, 422, …); sending it again is of no use."""


class AccessError(ClientError):
    """The API key or admin token is missing or wrong, or there are no changes here (401, 403)."""


class NotFoundError(ClientError):
    """There is no such model, version, label or request (404)."""


class ConflictError(ClientError):
    """What was asked for is not possible now (409)."""


class OverloadedError(ClientError):
    """The server takes no more now, or the model can't answer now (429, 503)."""


class TooLateError(ClientError):
    """No answer within the deadline (504, or the client gave up waiting)."""


class ServerError(ClientError):
    """The server failed (5xx), or what it replied can't be understood."""


class UnreachableError(ClientError):
    """No connection, or it broke before the reply was there."""


_BY_STATUS = {
    401: AccessError,
    403: AccessError,
    404: NotFoundError,
    409: ConflictError,
    429: OverloadedError,
    503: OverloadedError,
    504: TooLateError,
}


def of_reply(reply: httpx.Response) -> ClientError:
    """The error that a reply with a status from 300 is."""
    kind = _BY_STATUS.get(reply.status_code, InputError if 400 <= reply.status_code < 500 else ServerError)
    body = _object(reply.content)
    message = body.get("error")
    if not isinstance(message, str) or not message:
        message = reply.text[:200].strip() or reply.reason_phrase or "the reply says nothing of what is wrong"
    where, offset = body.get("where", ""), body.get("offset")
    return kind(
        message,
        reply.status_code,
        where if isinstance(where, str) else "",
        offset if isinstance(offset, int) else None,
        reply.headers.get("X-Request-ID", ""),
    )


def of_transport(error: httpx.RequestError) -> ClientError:
    """The error that the want of a reply is."""
    url = error.request.url.copy_with(userinfo=b"", query=None)
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return TooLateError(f"no reply from {url} in time: {text}")
    if isinstance(error, httpx.DecodingError):
        return ServerError(f"the reply from {url} can't be read: {text}")
    return UnreachableError(f"{url} can't be reached: {text}")


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
