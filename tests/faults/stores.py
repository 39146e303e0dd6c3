"""Databases of which copies are kept under names, so that a state can be had again."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url


class Store(ABC):
    """Keep copies of one database under names; the database itself stays where it is."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def keep(self, name: str) -> None:
        """Copy the database to ``name``; nobody may be connected."""

    @abstractmethod
    def restore(self, name: str) -> None:
        """Put the copy in the database's place; nobody may be connected."""


class SqliteStore(Store):
    """Copies are files beside the database's own."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"sqlite:///{path}")
        self._path = path

    def keep(self, name: str) -> None:
        self._copy(self._path, self._path.with_suffix(f".{name}"))

    def restore(self, name: str) -> None:
        self._copy(self._path.with_suffix(f".{name}"), self._path)

    def _copy(self, source: Path, target: Path) -> None:
        with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
            one.backup(other)


class PostgresStore(Store):
    """Copies are databases of the same server."""

    def keep(self, name: str) -> None:
        self._copy(str(make_url(self.url).database), self._named(name))

    def restore(self, name: str) -> None:
        self._copy(self._named(name), str(make_url(self.url).database))

    def _named(self, name: str) -> str:
        return f"{make_url(self.url).database}_{name}"

    def _copy(self, source: str, target: str) -> None:
        engine = create_engine(make_url(self.url).set(database="postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY"))
        engine.dispose()
