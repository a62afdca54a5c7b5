"""Told apart from other faults without loading a database library."""


class StateError(Exception):
    """The database can't be reached, or can't be used."""
