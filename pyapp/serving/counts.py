"""The files in which the engine counts what versions are asked (docs/drift.md), one for each version."""

import hashlib
import os
import re
from pathlib import Path

FILE = re.compile(r"(?P<name>.+)-(?P<version>[1-9][0-9]*)-[0-9a-f]{16}\.counts(?P<draft>\.[0-9]+)?")
"""Named by the engine: a draft gets its place when it is whole."""
NAME_LENGTH = 100
"""More of a model's name is not in that of the file."""


def counts_folder(store: Path) -> Path | None:
    """Where processes that serve versions of that folder count together, and go on after a restart; None: nowhere.

    The engine makes it when it is needed, and counts in memory where it can't.
    """
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:  # a user without a home
        return None
    store = store.resolve()
    mark = hashlib.sha256(os.fsencode(store)).hexdigest()[:16]
    readable = re.sub(r"[^A-Za-z0-9]+", "_", store.name)[:40]
    return state / "flask-serving" / "counts" / f"{readable}-{mark}"
