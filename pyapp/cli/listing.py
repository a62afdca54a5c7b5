"""`flask models list`: what a server would serve of the store, and what was decided about it."""

from collections.abc import Iterator

import click

from pyapp.api.models import listing
from pyapp.serving.routing import POINTS, to_document
from pyapp.serving.snapshot import Entry
from pyapp.serving.versions import Version

from . import as_json, examples, models, print_json
from .opened import one_message, open_models
from .tables import print_table


@models.command("list", with_appcontext=False, epilog=examples("flask models list", "flask models list mnist --json"))
@click.argument("name", required=False)
@as_json
def list_command(name: str | None, as_json: bool) -> None:
    """Each version of each model with its state; * marks the one that answers by default.

    The states are those that a server started now would have: what the policy wants is loaded, and checked.
    """
    with one_message():
        opened = open_models(name, strict=False)
    entries = opened.snapshot.models.values()
    if as_json:
        told = listing(opened.snapshot)["models"]
        print_json(
            {"models": [{**one, "routing": to_document(e.routing)} for one, e in zip(told, entries, strict=True)]}
        )
        return
    if not opened.snapshot.models:
        click.echo(f"No models in {opened.store}: flask models import FILE --name NAME makes one", err=True)
        return
    rows = [
        (
            "*" if version.number == entry.default else "",
            entry.name,
            version.number,
            version.state,
            ", ".join(label for label, number in entry.labels().items() if number == version.number),
            ", ".join(_traffic(entry, version)),
            version.reason or version.description.description,
        )
        for entry in entries
        for version in entry.versions
    ]
    print_table(("", "Model", "Version", "State", "Labels", "Traffic", "Note"), rows, numbers=("Version",))


def _traffic(entry: Entry, version: Version) -> Iterator[str]:
    """What the version gets of the requests that name none."""
    split, shadow = entry.routing.split, entry.routing.shadow
    share = sum(points for target, points in split.shares if entry.resolve(target) == version.number) if split else 0
    if split is None and version.number == entry.default:
        share = POINTS
    if share:
        yield f"{share * 100 / POINTS:g} %"
    if shadow is not None and entry.resolve(shadow.target) == version.number:
        yield f"shadows {shadow.points * 100 / POINTS:g} %"
