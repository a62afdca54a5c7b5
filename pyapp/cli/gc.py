"""`flask models gc`: what nobody needs any more leaves the disk and the journal."""

from datetime import timedelta

import click

from . import as_json, examples, models, print_json
from .opened import one_message, open_models, store_folder
from .rubbish import Rubbish, leftovers, old_versions, remove_all, stale_counts, stale_fetches
from .tables import print_table


@models.command(
    "gc",
    with_appcontext=False,
    epilog=examples(
        "flask models gc --dry-run", "flask models gc --keep 5 --yes", "flask models gc --journal-days 30 --yes --json"
    ),
)
@click.option(
    "--keep",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Also versions that are older than the N newest that work, if no decision names them.",
)
@click.option(
    "--journal-days", type=click.IntRange(1, 36_500), metavar="DAYS", help="Also journal and feedback older than that."
)
@click.option("--dry-run", is_flag=True, help="Only say what would leave.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@as_json
def gc_command(keep: int | None, journal_days: int | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Clear away what interrupted imports, uploads and fetches have left, and what is kept of versions that are gone.

    That is fetched copies, and counts of their drift.  Leftovers and counts that were touched within the last hour
    stay, as somebody may be at them.
    """
    with one_message():
        opened = open_models(load=False)
        if keep is not None and opened.config.is_shipped:
            store_folder()  # which says why not
        found = [
            *leftovers(opened.store),
            *stale_fetches(opened.store, opened.listing),
            *stale_counts(opened.store, opened.listing),
        ]
        if keep is not None:
            found += old_versions(opened.store, opened.listing, opened.decisions.known, keep)
        records = opened.decisions.known_records() if journal_days else None
        age = timedelta(days=journal_days or 0)
        entries = records.older_than(age) if records else 0
        if not as_json:
            _tell(found, entries, dry_run)
        if (found or entries) and not dry_run:
            if not yes:
                click.confirm("Remove all that?", abort=True, err=True)
            remove_all(found)
            if records:
                entries = records.forget_before(age)
    if as_json:
        told = [{"what": item.what, "path": str(item.path), "bytes": item.bytes} for item in found]
        print_json({"removed": not dry_run, "folders": told, "journal_entries": entries})
    elif not dry_run and (found or entries):
        click.echo(f"Removed; {_size(sum(item.bytes for item in found))} are free again.")


def _tell(found: list[Rubbish], entries: int, dry_run: bool) -> None:
    if not found and not entries:
        click.echo("There is nothing to clear away.")
        return
    if found:
        print_table(("What", "Where", "Size"), [(item.what, item.path, _size(item.bytes)) for item in found], ("Size",))
    if entries:
        click.echo(f"{entries} entries of the journal and feedback")
    if dry_run:
        click.echo("A dry run, nothing was removed.")


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
