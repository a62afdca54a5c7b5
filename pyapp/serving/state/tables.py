"""The tables.  migrations/ makes them, a step at a time; a test checks that both say the same."""

import sqlalchemy as sa

metadata = sa.MetaData()

# One row per model about which something was decided; `document` is a Routing (pyapp/serving/routing.py).
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("model", sa.String(128), primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),  # grows by one with each change, so that none is lost
    sa.Column("document", sa.JSON, nullable=False),
)

# Who changed what, when, from what to what.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("who", sa.String(256), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("model", sa.String(128), nullable=False, index=True),
    sa.Column("before", sa.JSON, nullable=False),
    sa.Column("after", sa.JSON, nullable=False),
)

# A sample of the requests, where that is switched on.
journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("request_id", sa.String(128), nullable=False, index=True),
    sa.Column("model", sa.String(128), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("protocol", sa.String(16), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),  # SHA-256 of the body
    sa.Column("content_type", sa.String(256), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=True),  # only where contents are kept
    sa.Column("outputs", sa.JSON, nullable=False),  # the numbers of each row
    sa.Column("labels", sa.JSON, nullable=False),  # the best label of each row; [] for a regression
)

# What shadows have shown: sums by each process, added when they are read.
comparisons = sa.Table(
    "comparisons",
    metadata,
    sa.Column("model", sa.String(128), primary_key=True),
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("second", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("process", sa.String(64), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("document", sa.JSON, nullable=False),  # a Comparison (pyapp/serving/compare.py)
)

# What turned out to be true of a journalled request.
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("request_id", sa.String(128), nullable=False),
    sa.Column("row", sa.Integer, nullable=False),
    sa.Column("model", sa.String(128), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("predicted", sa.String(256), nullable=False),
    sa.Column("actual", sa.String(256), nullable=False),
    sa.UniqueConstraint("request_id", "row", name="one_truth_per_row"),
    sa.Index("feedback_by_version", "model", "version"),
)
