"""What bringing in a row of any sheet has in common: joining, refusing, keeping what the sheet doesn't speak of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lti_app.core.errors import DomainError
from lti_app.core.permissions import Actor
from lti_app.importing.known import BadKey, Known
from lti_app.importing.parsing import ParsedRow, ParsedSheet
from lti_app.importing.report import ImportReport


class Finder(Protocol):
    """Find what a key names."""

    def find(self, key: str, column: str) -> Any:
        """Return what the key names. Raises BadKey or DomainError."""
        ...


@dataclass
class Bringer:
    """Hold one import under way."""

    session: Session
    sheets: dict[str, ParsedSheet]
    known: Known
    report: ImportReport
    zone: ZoneInfo
    actor: Actor
    now: datetime

    def refuse(self, row: ParsedRow, refusals: Iterable[DomainError]) -> bool:
        """Report what the rules refuse; tell whether there was anything."""
        findings = [row.finding(refusal) for refusal in refusals]
        self.report.problems += findings
        return bool(findings)

    def join(self, row: ParsedRow, **finders: Finder) -> dict[str, Any] | None:
        """Find what the row's keys (column: where to look) name; None where any names nothing. All are reported."""
        found: dict[str, Any] = {}
        for column, finder in finders.items():
            key = row.values.get(column)
            if key is None:
                found[column] = None
                continue
            try:
                found[column] = finder.find(key, column)
            except DomainError as refusal:
                self.refuse(row, [refusal])
            except BadKey:
                continue
        return found if len(found) == len(finders) else None


def kept(row: ParsedRow, column: str, existing: Any, otherwise: Any = None) -> Any:
    """Return the cell's value; where the sheet lacks the column, what ``existing`` has.

    ``otherwise`` stands for an empty cell and for a new row without the column.
    """
    if column in row.values:
        value = row.values[column]
        return otherwise if value is None else value
    return otherwise if existing is None else getattr(existing, column)
