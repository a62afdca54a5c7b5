"""`flask models …` and `flask serving …`."""

from typing import Any

import click
from flask import Flask, json
from flask.cli import AppGroup

from pyapp.api import serving
from pyapp.api.models import listing

models = AppGroup("models", help="The models in the store.")
settings = AppGroup("serving", help="The server itself.")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    """Of a command with --json."""
    click.echo(json.dumps(value, indent=2))


def register(app: Flask) -> None:
    """Adds the commands to `flask`; installed, they are there without an app, too (pyproject.toml)."""
    app.cli.add_command(models)
    app.cli.add_command(settings)


@models.command("list")
@as_json
def list_models(as_json: bool) -> None:
    """Each version of each model with its state; * marks the one that answers by default."""
    snapshot = serving().registry.snapshot
    if as_json:
        click.echo(json.dumps(listing(snapshot), indent=2))
        return
    for entry in snapshot.models.values():
        for version in entry.versions:
            mark = "*" if version.number == entry.default else " "
            note = version.reason or version.description.description
            click.echo(f"{mark} {entry.name} {version.number}  {version.state}  {note}")
    if not snapshot.models:
        click.echo(f"No models in {serving().registry.store}", err=True)


@settings.command("config")
@as_json
def show_config(as_json: bool) -> None:
    """The settings in force: environment variable, value, meaning."""
    rows = serving().config.rows()
    if as_json:
        click.echo(json.dumps({variable: value for variable, value, _ in rows}, indent=2, default=str))
        return
    width = max(len(variable) for variable, _, _ in rows)
    for variable, value, meaning in rows:
        click.echo(f"{variable:<{width}}  {value}\n{'':<{width}}  {meaning}")


from . import packages  # noqa: E402, F401 - adds its commands to `models`
