"""A thread in each serving process that follows store and decisions, so that no request has to wait for either.

It is started in the process that serves, never before a fork; `ensure` is cheap enough to be called by anyone.
"""

import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Watcher:
    """Calls `look` every `seconds`, and at once when poked; 0: only when poked."""

    def __init__(self, look: Callable[[], object], seconds: float) -> None:
        """`look` may raise: that is logged, once per new message, and it is called again."""
        self._look = look
        self._seconds = seconds
        self._pid = 0
        self._poked = threading.Event()
        self._stopped = False
        self._said = ""

    def ensure(self) -> None:
        """Starts the thread, if this process has none yet."""
        pid = os.getpid()
        if self._pid == pid or self._stopped:
            return
        self._pid = pid
        self._poked = threading.Event()  # the parent's may have been in use at the fork
        threading.Thread(target=self._run, args=(self._poked,), name="watch models", daemon=True).start()

    def poke(self) -> None:
        """Looks soon.  Safe in a signal handler."""
        self._poked.set()

    def stop(self) -> None:
        """Ends the thread soon."""
        self._stopped = True
        self._poked.set()

    def _run(self, poked: threading.Event) -> None:
        while not self._stopped:
            poked.wait(self._seconds or None)
            poked.clear()
            if self._stopped:
                return
            try:
                self._look()
                self._said = ""
            except Exception as error:  # the thread must live: what fails now may work the next time
                if str(error) != self._said:
                    self._said = str(error)
                    log.warning("the models could not be looked at: %s", error, exc_info=not isinstance(error, OSError))
