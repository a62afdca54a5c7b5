"""Trained files of other frameworks become model packages.  Each importer needs only what reads its file.

`read` tells by the file what it is and gives an `Imported`: a manifest (docs/package.md) and its tensors, which
`run.import_model` writes into the store.  No training framework is needed, and nothing in the file is run.
"""

from importlib import import_module
from pathlib import Path

from .imported import Imported, ImportOptions
from .problems import ImportRefusedError, Problems
from .sniff import importer_of

__all__ = ["ImportOptions", "ImportRefusedError", "Imported", "Problems", "read"]


def read(path: Path, options: ImportOptions) -> Imported:
    """The package that the file becomes.  Raises ImportRefusedError, one message that says all that is wrong."""
    kind = importer_of(path)
    try:
        module = import_module(f"{__name__}.{kind}")
        imported: Imported = module.read(path, options)
    except ModuleNotFoundError as error:
        raise ImportRefusedError(
            f"reading {path.name} needs {error.name}: pip install 'flask-serving[import]'"
        ) from error
    return imported
