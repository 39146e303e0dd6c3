"""Numbers of rows as they come in addresses and forms: what no row can have is told before a database is asked."""

from __future__ import annotations

from typing import Any

from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**31 - 1
"""The largest number that an integer column holds on every database."""


class RowNumber(IntegerConverter):
    """Take the number of a row in an address; a larger one than a column holds fits no address, which is a 404."""

    def __init__(self, map: Map, **options: Any) -> None:
        super().__init__(map, **{"max": LARGEST_ID, **options})


def row_number(text: str) -> int:
    """Read the number of a row from a form or query. Raises ValueError for what no row can have."""
    number = int(text)
    if not 0 <= number <= LARGEST_ID:
        raise ValueError("no row has this number")
    return number
