"""Read what is imported: an .xlsx workbook, or a folder of CSV files in any usual encoding."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from flask_babel import lazy_gettext as _l

from lti_app.core.tables import MOST_BYTES, Table, TableRow, UnreadableTable, read_csv, read_workbook
from lti_app.importing.report import Finding

__all__ = ["Table", "TableRow", "UnreadableTable", "finding_of", "read_tables"]


def finding_of(error: UnreadableTable) -> Finding:
    """Say in a report why a file can't be read."""
    return Finding(error.message, error.remedy, file=error.file, sheet=error.sheet, row=error.row, code="unreadable")


def read_tables(path: Path) -> list[Table]:
    """Read an .xlsx workbook, or every .csv file of a folder. Raises UnreadableTable."""
    tables: Sequence[Table | None]
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix.lower() == ".csv" and not one.name.startswith("."))
        if not files:
            raise UnreadableTable(
                _l("The folder holds no CSV files."),
                _l("Give a folder with files such as people.csv, or an .xlsx workbook."),
            )
        tables = [_read_file(one) for one in files]
    elif path.suffix.lower() in (".xlsx", ".xlsm"):
        _check_size(path)
        tables = read_workbook(path, path.name)
    else:
        raise UnreadableTable(
            _l("This is neither an .xlsx workbook nor a folder."),
            _l("Save the workbook as .xlsx, or put its sheets as CSV files into one folder and give the folder."),
        )
    return [table for table in tables if table is not None]


def _read_file(path: Path) -> Table | None:
    _check_size(path)
    return read_csv(path.read_bytes(), unicodedata.normalize("NFC", path.stem))


def _check_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableTable(
            _l("The file can't be opened: %(reason)s.", reason=error.strerror), _l("Check the path."), file=path.name
        ) from error
    if size > MOST_BYTES:
        raise UnreadableTable(
            _l("The file is too large (%(size)s MB).", size=size // 1024 // 1024),
            _l("Divide it into several files and import one after the other."),
            file=path.name,
        )
