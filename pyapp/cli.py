"""`flask models …`, `flask serving …` and `flask openapi`."""

import click
from flask import Flask, current_app, json
from flask.cli import AppGroup, with_appcontext

from pyapp.api import errors, openapi, serving
from pyapp.api.models import listing
from pyapp.serving.snapshot import Snapshot

models = AppGroup("models", help="The models in the store.")
settings = AppGroup("serving", help="The server itself.")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def register(app: Flask) -> None:
    """Adds the commands to `flask`."""
    app.cli.add_command(models)
    app.cli.add_command(settings)
    app.cli.add_command(print_openapi)


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


@settings.command("errors")
def show_errors() -> None:
    """Everything that can go wrong with a request, as Markdown."""
    click.echo(errors.catalogue(), nl=False)


@click.command("openapi")
@click.option("--without-models", is_flag=True, help="Leave out what the models of this store take.")
@with_appcontext
def print_openapi(without_models: bool) -> None:
    """The OpenAPI document of the API."""
    snapshot = Snapshot() if without_models else serving().registry.snapshot
    click.echo(json.dumps(openapi.build(current_app, snapshot), indent=2, ensure_ascii=False))
