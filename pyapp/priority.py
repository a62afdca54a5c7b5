"""Threads that compute give way to those that talk to clients.

granian reads requests and writes replies on one thread of its own.  Where dozens of threads that answer share its core
as equals, it gets a small part of that: past saturation, replies waited for 70 ms to be written, and nobody could see
it.  A process without privileges can lower threads and not raise one; and as a lone client waits a tenth longer for
small networks then, they are lowered when requests have waited too long for the first time.
"""

import os
import sys
from contextlib import suppress

NICE = 3
"""Twice the weight for who does not give way.  With 5 the slowest of the answers get slower."""


def give_way() -> None:
    """Of the thread that calls; threads that it starts inherit it.  Linux only: elsewhere threads share a priority.

    SCHED_BATCH: when thirty threads are woken with their answers, none of them interrupts who runs.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # some sandboxes forbid it, and it is not needed to be right
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, 0, NICE)
