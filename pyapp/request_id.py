"""Every request has an id: the client's `X-Request-ID`, or one of ours; replies, logs and the journal carry it."""

import itertools
import os
import re
import secrets
from typing import Any

REQUEST_ID_HEADER = "X-Request-ID"

_POSSIBLE = re.compile(r"[\x21-\x7e]{1,128}")


class RequestIds:
    """Makes ids that no other process makes: a random prefix per process, and a count."""

    def __init__(self) -> None:
        """Nothing is shared with other apps."""
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._prefix = secrets.token_hex(6) + "-"
        self._count = itertools.count(1)

    def new(self) -> str:
        """For a request whose sender has given it none."""
        return self._prefix + str(next(self._count))

    def of(self, environ: dict[str, Any]) -> str:
        """The request's own id, where it has one that a header can repeat; the same each time it is asked."""
        known = environ.get("serving.request_id")
        if known is None:
            sent = environ.get("HTTP_X_REQUEST_ID", "")
            known = sent if sent and _POSSIBLE.fullmatch(sent) else self.new()
            environ["serving.request_id"] = known
        return str(known)
