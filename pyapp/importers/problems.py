"""All that cannot be served is collected and told at once, each with its place in the model."""


class ImportRefusedError(ValueError):
    """The file cannot become a package.  The message names every reason, its place, and what to do."""


class Problems:
    """Collects reasons while a model is read; `raise_if_any` tells them all."""

    def __init__(self, source: str) -> None:
        """`source`: the file's name, as messages give it."""
        self.source = source
        self._found: list[tuple[str, str]] = []

    def add(self, place: str, reason: str) -> None:
        """`place`: where, in the model's own names ("layers/3 (conv2d_1)"); `reason`: what is wrong and what to do."""
        if (place, reason) not in self._found:
            self._found.append((place, reason))

    def __bool__(self) -> bool:
        """True if there is any."""
        return bool(self._found)

    def raise_if_any(self) -> None:
        """Raises ImportRefusedError with one line for each problem."""
        if self._found:
            lines = [f"  {place}: {reason}" for place, reason in self._found]
            raise ImportRefusedError("\n".join([f"{self.source} cannot be served:", *lines]))
