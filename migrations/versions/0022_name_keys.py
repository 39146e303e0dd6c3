"""The names of people folded, so that they are found by their beginnings."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

PERSON = sa.table(
    "person",
    sa.column("id", sa.Integer),
    sa.column("last_name", sa.String),
    sa.column("first_name", sa.String),
    sa.column("middle_name", sa.String),
    sa.column("name_key", sa.String),
)


def upgrade() -> None:
    """Add the column, fill it, index it."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.add_column(
        "person",
        sa.Column(
            "name_key",
            sa.String(length=310, collation=None if is_sqlite else "C"),
            server_default="",
            nullable=False,
            comment="the names folded, for search by their beginnings; kept by the program",
        ),
    )
    bind = op.get_bind()
    rows = bind.execute(sa.select(PERSON.c.id, PERSON.c.last_name, PERSON.c.first_name, PERSON.c.middle_name)).all()
    keys = [{"key": _folded(" ".join(part for part in row[1:] if part)), "number": row[0]} for row in rows]
    if keys:
        statement = sa.update(PERSON).where(PERSON.c.id == sa.bindparam("number"))
        bind.execute(statement.values(name_key=sa.bindparam("key")), keys)
    op.create_index(op.f("ix_person_name_key"), "person", ["name_key"])


def _folded(name: str) -> str:
    kept = re.sub(r"[^\w№+\- ]", " ", name.casefold().replace("ё", "е").replace("_", " "))
    return " ".join(kept.split())


def downgrade() -> None:
    """Drop it."""
    op.drop_index(op.f("ix_person_name_key"), "person")
    op.drop_column("person", "name_key")
