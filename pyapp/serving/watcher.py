"""A thread in each serving process that follows store and decisions, so that no request has to wait for either.

It is started in the process that serves, never before a fork; `ensure` is cheap enough to be called by anyone.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence

from ..priority import give_way
from .state.errors import StateError

log = logging.getLogger(__name__)


class Watcher:
    """Calls all `looks` every `seconds`, and at once when poked; 0: only when poked."""

    def __init__(self, looks: Sequence[Callable[[], object]], seconds: float) -> None:
        """Each of `looks` may raise: that is logged, once per new message, and it is called again the next time."""
        self._looks = looks
        self._seconds = seconds
        self._pid = 0
        self._poked = threading.Event()
        self._stopped = False
        self._said: dict[int, str] = {}

    def look(self) -> None:
        """Once, now, in this thread."""
        for i, look in enumerate(self._looks):
            try:
                look()
                self._said.pop(i, None)
            except Exception as error:  # the others go on, and what fails now may work the next time
                if self._said.get(i) != str(error):
                    self._said[i] = str(error)
                    log.warning("%s", error, exc_info=not isinstance(error, OSError | StateError))

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
        give_way()  # as the threads do that answer: what is loaded must not hold them up
        while not self._stopped:
            poked.wait(self._seconds or None)
            poked.clear()
            if self._stopped:
                return
            self.look()
