"""Model packages: the folders that the engine serves (docs/package.md)."""

from .reader import load
from .writer import write_package

__all__ = ["load", "write_package"]
