"""Reads a file in a process of its own first: damaged HDF5 can make its library loop for ever, or crash."""

import subprocess
import sys
from pathlib import Path

from ..problems import ImportRefusedError

SECONDS = 60
"""A file may take, and one more for each 10 MB of it."""

_CODE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from pyapp.importers import ImportOptions
from pyapp.importers.keras import read_here
try:
    read_here(Path(sys.argv[2]), ImportOptions(architecture=Path(sys.argv[3]) if sys.argv[3] else None))
except Exception:
    pass  # it will be told where it is read in earnest
"""


def survive(path: Path, architecture: Path | None) -> None:
    """Raises ImportRefusedError if reading the file takes its process down."""
    root = Path(__file__).parents[3]
    allowed = SECONDS + path.stat().st_size // 10_000_000
    command = [sys.executable, "-c", _CODE, str(root), str(path.absolute())]
    command.append(str(architecture.absolute()) if architecture is not None else "")
    try:
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=allowed, check=False)
    except subprocess.TimeoutExpired:
        raise ImportRefusedError(
            f"{path.name} is damaged: after {allowed} s it is not read; download it again"
        ) from None
    if run.returncode < 0:
        raise ImportRefusedError(
            f"{path.name} is damaged: reading it ends in signal {-run.returncode}; copy or download it again"
        )
