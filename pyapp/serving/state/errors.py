"""Told apart from other faults without loading a database library."""


class StateError(Exception):
    """The database can't be reached, or can't be used."""


class UnknownRequestError(LookupError):
    """The journal has no such request, or row."""
