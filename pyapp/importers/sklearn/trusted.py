"""Pickles that the user trusts: a process of its own loads them and writes the model as plain data.

That process has scikit-learn and joblib; this one reads what it has written just as it reads a .skops file.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..imported import Imported, ImportOptions
from ..problems import ImportRefusedError
from .samples import made_rows
from .skops_file import read_skops

SECONDS = 300
"""How long the process may take to load a file."""

_MODULE = f"{__package__}.describe"


def read_trusted(path: Path, options: ImportOptions) -> Any:
    """The object in a pickle.  Without options.trust it is refused, as loading a pickle runs code."""
    if not options.trust:
        raise ImportRefusedError(
            f"{path.name} is a pickle: loading it runs whatever code it holds. Save the model with "
            "skops.io.dump(model, 'model.skops') and import that; or, if you made this file yourself, use --trust"
        )
    with tempfile.TemporaryDirectory(prefix="flask-serving-") as folder:
        written = Path(folder) / path.name
        _run(path, ["--tree", str(written)])
        return read_skops(written)


def trusted_samples(path: Path, imported: Imported, method: str) -> Sequence[Mapping[str, Any]]:
    """A few rows with what the model itself answers; none, with a note, where it cannot be asked."""
    rows = made_rows(imported.manifest)
    if not rows:
        return ()
    with tempfile.TemporaryDirectory(prefix="flask-serving-") as folder:
        asked, answered = Path(folder) / "rows.json", Path(folder) / "answers.json"
        asked.write_text(json.dumps({"inputs": imported.manifest["inputs"], "rows": rows, "method": method}))
        try:
            _run(path, ["--rows", str(asked), "--answers", str(answered)])
            answers = np.asarray(json.loads(answered.read_text()), np.float64)
        except (ImportRefusedError, ValueError) as error:
            imported.notes.append(f"no samples: the model could not be asked ({str(error).splitlines()[-1]})")
            return ()
    if answers.ndim != 2 or len(answers) != len(rows) or not np.isfinite(answers).all():
        imported.notes.append("no samples: the model's answers are not finite numbers, one row for each")
        return ()
    if _is_one_column(imported) and answers.shape[1] == 2:
        answers = answers[:, 1:]
    return [{"input": row, "output": answer.tolist()} for row, answer in zip(rows, answers, strict=True)]


def _is_one_column(imported: Imported) -> bool:
    """One score for two labels."""
    output = imported.manifest["outputs"][0]
    layer = next(layer for layer in imported.manifest["layers"] if layer["name"] == output["layer"])
    return bool(layer["op"] == "dense" and layer["units"] == 1)


def _run(path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", _MODULE, str(path.absolute()), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ImportRefusedError(f"{path.name}: loading it took longer than {SECONDS} s") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"]
        raise ImportRefusedError(f"{path.name} cannot be loaded: {lines[-1]}")
