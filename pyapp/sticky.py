"""What keeps a client with one version while traffic is split: the same key always gets the same one."""

from http.cookies import CookieError, SimpleCookie
from typing import Any

HEADER = "X-Sticky-Key"
COOKIE = "sticky_key"


def sticky_key(environ: dict[str, Any], body: bytes) -> bytes:
    """The header `X-Sticky-Key`, or else the cookie `sticky_key`, or else the request's body itself."""
    if key := environ.get("HTTP_X_STICKY_KEY"):
        return str(key).encode("latin-1", "replace")
    if (cookies := environ.get("HTTP_COOKIE")) and COOKIE in cookies:
        try:
            if morsel := SimpleCookie(cookies).get(COOKIE):
                return morsel.value.encode("utf-8", "replace")
        except CookieError:
            pass  # somebody else's cookie is malformed
    return body
