"""Model packages: the folders that the engine serves (docs/package.md)."""

from .writer import write_package

__all__ = ["write_package"]
