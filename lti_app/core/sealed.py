"""Every stored secret, whichever feature keeps it: columns with names in ``_encrypted`` hold what the vault sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, select, update

from lti_app.core.db import Base, Database
from lti_app.core.vault import Vault

SUFFIX = "_encrypted"


@dataclass(frozen=True)
class Reencrypted:
    """Say how many secrets a column holds, and how many of them were written anew."""

    table: str
    column: str
    total: int
    renewed: int


def sealed_columns() -> list[Column[Any]]:
    """Return the columns that hold sealed secrets, in the order of their tables."""
    return [column for table in Base.metadata.sorted_tables for column in table.columns if column.name.endswith(SUFFIX)]


def reencrypt(database: Database, vault: Vault) -> Iterator[Reencrypted]:
    """Write each stored secret anew under the first key, column by column; what is under it already stays.

    Each secret is a transaction of its own, so that a second call goes on where the first was cut off, and a secret
    that is changed meanwhile keeps the change. Raises VaultError where no key opens a secret.
    """
    for column in sealed_columns():
        row_id = column.table.c.id
        with database.session(writes=False) as session:
            rows = session.execute(select(row_id, column).where(column.is_not(None)).order_by(row_id)).all()
        old = [(number, sealed) for number, sealed in rows if not vault.is_under_first_key(sealed)]
        for number, sealed in old:
            with database.transaction() as session:
                session.execute(
                    update(column.table)
                    .where(row_id == number, column == sealed)
                    .values({column.name: vault.seal(vault.open(sealed))})
                )
        yield Reencrypted(column.table.name, column.name, len(rows), len(old))
