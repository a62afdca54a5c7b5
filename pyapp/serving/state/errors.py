"""Told apart from other faults without loading a database library."""


class StateError(Exception):
    """The database can't be reached, or can't be used."""


def without(library: str | None, url: str) -> StateError:
    """The error that a library which is not installed is, for the state at that URL."""
    extra = "state" if url.startswith("sqlite") else "postgres"
    return StateError(f"deciding about models needs {library}: pip install 'flask-serving[{extra}]'")


class UnknownRequestError(LookupError):
    """The journal has no such request, or row."""
