"""`flask models`, `flask serving`, `flask openapi`.  Exit status 0: done; 1: refused, or failed; 2: called wrongly."""

from typing import Any

import click
from flask import Flask, json
from flask.cli import AppGroup

models = AppGroup("models", help="The models in the store: SERVING_MODELS, or those that came with the installation.")
settings = AppGroup("serving", help="The server itself.")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def examples(*lines: str) -> str:
    """What the help of a command ends with."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def print_json(value: Any) -> None:
    """Of a command with --json."""
    click.echo(json.dumps(value, indent=2, default=str))


def register(app: Flask) -> None:
    """Adds the commands to `flask`; installed, they are there without an app, too (pyproject.toml)."""
    app.cli.add_command(models)
    app.cli.add_command(settings)
    app.cli.add_command(documents.print_openapi)


# Each adds its commands to one of the groups.
from . import comparing, deciding, documents, gc, listing, packages  # noqa: E402, F401
