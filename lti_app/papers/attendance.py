"""What fills the papers of attendance: the sheet that people sign, and the journal of an intake."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from lti_app.papers.fields import JournalPaper, SignInPaper
from lti_app.papers.wording import hours, long_date

DATES_IN_BLOCK = 10
"""Dates that stand side by side in a table of the journal; further ones follow in another."""
SHORTEST_SHEET = 3
PRESENT, ABSENT = "+", "н"
"""Marks of a journal: was there, was not; empty where it is not confirmed."""


def sign_in_values(paper: SignInPaper) -> dict[str, Any]:
    """Return what the sign-in sheet's template is filled with."""
    people = [
        {"number": str(place), "name": one.name, "organisation": one.organisation}
        for place, one in enumerate(paper.people, start=1)
    ]
    empty = [
        {"number": str(len(people) + place), "name": "", "organisation": ""}
        for place in range(1, max(paper.lines_left, SHORTEST_SHEET - len(people)) + 1)
    ]
    return {
        "host": paper.host,
        "programme": paper.programme,
        "topic": paper.topic,
        "date": long_date(paper.date),
        "time": paper.time,
        "place": paper.place,
        "people": people + empty,
        "responsible_position": paper.responsible.position or "Ответственный",
        "responsible_name": paper.responsible.name.signed,
    }


def journal_values(paper: JournalPaper) -> dict[str, Any]:
    """Return what the journal's template is filled with: its dates in blocks that fit the page."""
    blocks = []
    total = sum((length for _day, length in paper.dates), Decimal(0))
    for start in range(0, max(1, len(paper.dates)), DATES_IN_BLOCK):
        dates = paper.dates[start : start + DATES_IN_BLOCK]
        is_last = start + DATES_IN_BLOCK >= len(paper.dates)
        blocks.append(
            {
                "days": _filled(f"{day:%d.%m}" for day, _hours in dates),
                "lengths": _filled(hours(length) for _day, length in dates),
                "total": hours(total) if is_last else "",
                "people": [
                    {
                        "number": str(place),
                        "name": one.name,
                        "marks": _filled(one.marks[start : start + DATES_IN_BLOCK]),
                        "hours": hours(one.hours) if is_last else "",
                    }
                    for place, one in enumerate(paper.people, start=1)
                ],
                "present": _filled(str(_present(paper, start + place)) for place in range(len(dates))),
            }
        )
    return {
        "host": paper.host,
        "programme": paper.programme,
        "term": paper.term,
        "blocks": blocks,
        "responsible_position": paper.responsible.position or "Руководитель стажировочной площадки",
        "responsible_name": paper.responsible.name.signed,
    }


def _filled(texts: Iterable[str]) -> list[str]:
    """Return the texts of a block's columns, the empty ones included."""
    found = list(texts)
    return found + [""] * (DATES_IN_BLOCK - len(found))


def _present(paper: JournalPaper, place: int) -> int:
    return sum(one.marks[place] == PRESENT for one in paper.people)
