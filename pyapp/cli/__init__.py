"""`flask models`, `flask serving`, `flask openapi`.  Exit status 0: done; 1: refused, or failed; 2: called wrongly."""

from typing import Any

import click
from flask import Flask, json
from flask.cli import AppGroup

from pyapp.api import errors, serving

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
    from .documents import print_openapi

    app.cli.add_command(settings)
    app.cli.add_command(print_openapi)


@settings.command("config")
@as_json
def show_config(as_json: bool) -> None:
    """The settings in force: environment variable, value, meaning."""
    rows = serving().config.rows()
    if as_json:
        print_json({variable: value for variable, value, _ in rows})
        return
    width = max(len(variable) for variable, _, _ in rows)
    for variable, value, meaning in rows:
        click.echo(f"{variable:<{width}}  {value}\n{'':<{width}}  {meaning}")


@settings.command("errors", with_appcontext=False)
def show_errors() -> None:
    """Everything that can go wrong with a request, as Markdown."""
    click.echo(errors.catalogue(), nl=False)


from . import comparing, deciding, gc, listing, packages  # noqa: E402, F401 - each adds its commands to `models`
