"""A small workbook that is right in every cell, for tests to change one thing in."""

from __future__ import annotations

import csv
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.permissions import SYSTEM
from lti_app.importing.report import Finding, ImportRefused, ImportReport
from lti_app.importing.service import import_workbook
from lti_app.lti.models import Moodle
from lti_app.models import metadata

ZONE = ZoneInfo("Asia/Novokuznetsk")
Row = dict[str, Any]

RIGHT: dict[str, list[Row]] = {
    "organisations": [
        {"code": "S1", "name": "Школа № 1", "type": "школа", "short_name": "СОШ 1", "licensed": "нет"},
        {"code": "S2", "name": "Лицей № 2", "type": "лицей", "short_name": "", "licensed": "да"},
    ],
    "people": [
        {
            "moodle_idnumber": "T-1",
            "email": "leader@example.org",
            "last_name": "Белова",
            "first_name": "Наталья",
            "middle_name": "Викторовна",
            "organisation": "S1",
            "position": "учитель",
            "category": "highest",
            "category_until": "",
        },
        {
            "moodle_idnumber": "T-2",
            "email": "second@example.org",
            "last_name": "Орлова",
            "first_name": "Марина",
            "middle_name": "",
            "organisation": "S2",
            "position": "учитель",
            "category": "first",
            "category_until": "2027-05-01",
        },
        {
            "moodle_idnumber": "",
            "email": "third@example.org",
            "last_name": "Ким",
            "first_name": "Илья",
            "middle_name": "Олегович",
            "organisation": "",
            "position": "",
            "category": "",
            "category_until": "",
        },
    ],
    "sites": [
        {
            "code": "SITE",
            "organisation": "S1",
            "direction": "Современный урок",
            "leader": "T-1",
            "order_number": "12-о",
            "order_date": "2026-09-01",
            "valid_until": "2029-08-31",
        }
    ],
    "programmes": [
        {
            "code": "P",
            "site": "SITE",
            "title": "Урок",
            "hours": "4",
            "goals": "",
            "council_protocol": "3",
            "council_date": "2026-09-10",
        }
    ],
    "topics": [
        {"programme": "P", "position": "1", "title": "Первая", "form": "lecture", "hours": "2", "mode": "on_site"},
        {"programme": "P", "position": "2", "title": "Вторая", "form": "seminar", "hours": "2", "mode": "distance"},
    ],
    "intakes": [
        {
            "code": "I",
            "programme": "P",
            "moodle": "main",
            "starts_on": "2026-11-01",
            "ends_on": "2026-12-20",
            "capacity": "2",
        }
    ],
    "meetings": [
        {
            "intake": "I",
            "topic": "1",
            "form": "lecture",
            "mode": "on_site",
            "starts_at": "2026-11-20 15:00",
            "minutes": "90",
            "place_or_url": "кабинет 5",
        },
        {
            "intake": "I",
            "topic": "2",
            "form": "seminar",
            "mode": "distance",
            "starts_at": "2026-12-01 15:00",
            "minutes": "90",
            "place_or_url": "https://meet.example.org/a",
        },
    ],
    "trainees": [{"intake": "I", "person": "T-2"}, {"intake": "I", "person": "third@example.org"}],
}


class Book:
    """A workbook under change: ``book["sites"][0]["leader"] = …``, then written and imported."""

    def __init__(self, database: Database, folder: Path, now: datetime) -> None:
        self.database = database
        self.folder = folder
        self.now = now
        self.sheets = deepcopy(RIGHT)
        with database.transaction() as session:
            session.add(Moodle(name="main", url="https://moodle.example.org", token_encrypted="x", created_at=now))

    def __getitem__(self, sheet: str) -> list[Row]:
        return self.sheets[sheet]

    def as_csv(self, name: str = "csv", *, encoding: str = "utf-8", delimiter: str = ",") -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.csv"):
            old.unlink()
        for sheet, rows in self.sheets.items():
            with (folder / f"{sheet}.csv").open("w", encoding=encoding, newline="") as stream:
                writer = csv.writer(stream, delimiter=delimiter)
                if rows:
                    writer.writerow(rows[0])
                writer.writerows(list(row.values()) for row in rows)
        return folder

    def as_xlsx(self) -> Path:
        book = Workbook()
        book.remove(book.active)
        for name, rows in self.sheets.items():
            sheet = book.create_sheet(name)
            sheet.append(list(rows[0]))
            for row in rows:
                sheet.append([None if value == "" else value for value in row.values()])
        path = self.folder / "book.xlsx"
        book.save(path)
        return path

    def bring_in(self, path: Path | None = None) -> ImportReport:
        with self.database.transaction() as session:
            return import_workbook(session, path or self.as_csv(), zone=ZONE, actor=SYSTEM, now=self.now)

    def refusals(self, path: Path | None = None) -> list[Finding]:
        """Import what must be refused; return what is wrong with it, having seen that nothing was written."""
        before = contents(self.database)
        try:
            self.bring_in(path)
        except ImportRefused as refused:
            assert contents(self.database) == before
            return refused.report.problems
        raise AssertionError("the import was not refused")


def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Read every row of every table."""
    with database.session(writes=False) as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def tallies(report: ImportReport) -> dict[str, tuple[int, int, int]]:
    """Return (created, changed, unchanged) of each sheet."""
    counts = report.as_json(dry_run=False)["sheets"]
    return {name: (each["created"], each["changed"], each["unchanged"]) for name, each in counts.items()}
