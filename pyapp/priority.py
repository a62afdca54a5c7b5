"""Threads that compute give way to those that talk to clients.

granian reads requests and writes replies on one thread of its own, which shares its core with dozens that answer.  So
none of these interrupts who runs when it is woken (SCHED_BATCH): of thirty that get their answers at once, each runs
through when its turn comes.  And where requests have waited too long they are lowered besides: as equals they left
granian a small part of the core, and past saturation replies waited for 70 ms to be written, where nobody could see it.
Not from the start, for a process without privileges can lower threads and not raise one, and a lone client of a small
network waits a tenth longer then.
"""

import os
import sys
from contextlib import suppress

NICE = 3
"""Twice the weight for who does not give way.  With 5 the slowest of the answers get slower."""


def give_way(nice: int = NICE) -> None:
    """Of the thread that calls; threads that it starts inherit it.  `nice` 0: it interrupts nobody, and is an equal.

    Linux only: elsewhere threads share a priority.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # some sandboxes forbid it, and it is not needed to be right
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            if nice:
                os.setpriority(os.PRIO_PROCESS, 0, nice)
