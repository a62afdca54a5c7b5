"""Steps from one form of the tables to the next; `upgrade` runs those that a database lacks."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

_LOCK = 0x464C534B  # PostgreSQL's advisory lock: one process upgrades, the others wait


def config_for(connection: sa.Connection) -> Config:
    """Alembic's configuration; no file of its own is needed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: sa.Engine) -> None:
    """Brings the tables to the newest form, in one transaction: a process that dies leaves what was there before."""
    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        command.upgrade(config_for(connection), "head")
