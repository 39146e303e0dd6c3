"""Long lists by pages, so that an address can be shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

PAGE_SIZE = 50
MOST_PAGES = 1_000_000
"""No list is that long; an address may still ask for a page beyond any number that a database takes."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Hold one page of a list: ``number`` counts from 1, ``total`` counts the whole list."""

    items: Sequence[Item]
    number: int
    total: int
    size: int = PAGE_SIZE

    @property
    def pages(self) -> int:
        """Return how many pages there are, at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """Return the place in the whole list of the first item here, from 1; 0 for an empty list."""
        return 0 if not self.total else (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        """Return the place in the whole list of the last item here."""
        return min(self.number * self.size, self.total)


def asked_page(text: str) -> int:
    """Read the number of a page from an address, bounded. Raises ValueError for what is no number."""
    return min(max(1, int(text)), MOST_PAGES)


def page_number(asked: int | None, total: int, size: int = PAGE_SIZE) -> int:
    """Return the page to show: the one asked for, or the nearest that exists."""
    return min(max(1, asked or 1), max(1, -(-total // size)))


def page_of(items: Sequence[Item], asked: int | None, size: int = PAGE_SIZE) -> Page[Item]:
    """Cut one page out of a list that is at hand."""
    number = page_number(asked, len(items), size)
    return Page(items[(number - 1) * size : number * size], number, len(items), size)
