"""What goes into an importer and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the file itself may not say."""

    labels: Sequence[str] | None = None
    """One per unit of the output, or two for a single unit; None: those in the file, if any."""
    task: str | None = None
    """"classification" or "regression"; None: as the network's last activation, loss or class tells."""
    architecture: Path | None = None
    """A JSON file with the layers, for files that hold tensors alone."""
    output: str | None = None
    """Which of the model's outputs or methods to serve, where there are several; None: the usual one."""
    trust: bool = False
    """Pickles may be run, in a process of their own."""


@dataclass(slots=True)
class Imported:
    """A model package before it is written."""

    manifest: dict[str, Any]
    """model.json without samples' outcomes; `provenance` has at least `framework` and its `version`, if known."""
    tensors: dict[str, NDArray[Any]]
    notes: list[str] = field(default_factory=list)
    """What the importer had to decide, one sentence each, for the user to read."""
    samples: Sequence[Mapping[str, Any]] = ()
    """Lines for samples.jsonl whose outputs the source framework itself computed; usually there are none."""
