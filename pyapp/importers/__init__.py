"""Trained files of other frameworks become model packages.  Each importer needs only what reads its file.

`read` tells by the file what it is and gives an `Imported`: a manifest (docs/package.md) and its tensors.  Nothing of
the training framework is needed, and nothing in the file is run.
"""

from .imported import Imported, ImportOptions
from .problems import ImportRefusedError, Problems

__all__ = ["ImportOptions", "ImportRefusedError", "Imported", "Problems"]
