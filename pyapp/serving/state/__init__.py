"""What must outlive a process and be agreed on by all: decisions about models, who made them, the journal, feedback.

Kept by SQLAlchemy in an SQLite file, or in PostgreSQL; the `[state]` extra, which nothing outside `state` and `tables`
imports.  The database is never asked while a request is served, so serving goes on while it is away.
"""
