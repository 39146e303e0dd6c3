"""What rows may name: things in the database and in the same file, found by their keys."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from lti_app.core.errors import DomainError, Text
from lti_app.importing.parsing import ParsedSheet
from lti_app.intakes.models import Intake
from lti_app.lti.models import Moodle
from lti_app.people.models import Organisation, Person
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import Site, SiteLeader

Row = TypeVar("Row")

LOOKALIKES = str.maketrans("АВЕКМНОРСТУХаеорсух", "ABEKMHOPCTYXaeopcyx")
"""Cyrillic letters that look like Latin ones: the usual reason why two codes that look alike don't join."""


class BadKey(Exception):
    """Say that a row is named whose own mistakes are reported already: nothing more can be said here."""


class Shelf(Generic[Row]):
    """Hold the rows of one kind by key; ``unread`` are keys of rows of the file that could not be read."""

    def __init__(self, rows: dict[str, Row], missing: Text, remedy: Text) -> None:
        self.rows = rows
        self.unread: set[str] = set()
        self.unusable = False
        self.missing = missing
        self.remedy = remedy

    def spoil(self, key: str) -> None:
        """Note that the file's row can't be used: whoever names it learns no more than that row's own mistakes."""
        self.unread.add(key)

    def find(self, key: str, column: str) -> Row:
        """Return the row. Raises BadKey, or DomainError with the nearest key that there is."""
        if self.unusable or key in self.unread:
            raise BadKey(key)
        if key in self.rows:
            return self.rows[key]
        raise DomainError("unknown_key", self.missing, remedy=self._advice(key), field=column)

    def _advice(self, key: str) -> Text:
        advice = self.remedy
        same = [known for known in self.rows if known.translate(LOOKALIKES) == key.translate(LOOKALIKES)]
        near = get_close_matches(key, self.rows, n=1, cutoff=0.7)
        if same:
            advice = _l(
                "“%(known)s” looks the same but mixes Latin and Cyrillic letters in another way; copy it from there.",
                known=same[0],
            )
        elif near:
            advice = _l("Did you mean “%(known)s”?", known=near[0])
        return advice


class People:
    """Find persons by the number in Moodle or by e-mail, without case."""

    def __init__(self, persons: Iterable[Person]) -> None:
        self.by_number: dict[str, Person] = {}
        self.by_email: dict[str, Person] = {}
        self.unread: set[str] = set()
        self.unusable = False
        for person in persons:
            self.put(person)
        # Rows of a file are matched with persons as they stood before it, so that the order of rows doesn't matter.
        self.number_before = dict(self.by_number)
        self.email_before = dict(self.by_email)

    def put(self, person: Person, former_email: str | None = None) -> None:
        """Let a person be found by number and e-mail, no longer by ``former_email``."""
        if former_email is not None:
            self.by_email.pop(former_email.casefold(), None)
        if person.moodle_idnumber is not None:
            self.by_number[person.moodle_idnumber] = person
        if person.email is not None:
            self.by_email[person.email.casefold()] = person

    def spoil(self, *keys: str | None) -> None:
        """Note that the file's row of a person can't be used."""
        self.unread |= {key.casefold() for key in keys if key} | {key for key in keys if key}

    def find(self, key: str, column: str) -> Person:
        """Return the person named by number or e-mail. Raises BadKey or DomainError."""
        if self.unusable or key in self.unread or key.casefold() in self.unread:
            raise BadKey(key)
        by_number, by_email = self.by_number.get(key), self.by_email.get(key.casefold())
        if by_number is not None and by_email is not None and by_number is not by_email:
            raise DomainError(
                "ambiguous_person",
                _l("This is the number of one person and the e-mail of another."),
                remedy=_l("Correct the list of people first."),
                field=column,
            )
        person = by_number or by_email
        if person is not None:
            return person
        near = get_close_matches(key, [*self.by_number, *self.by_email], n=1, cutoff=0.8)
        raise DomainError(
            "unknown_person",
            _l("Nobody has this number in Moodle or this e-mail."),
            remedy=_l("Did you mean “%(known)s”?", known=near[0])
            if near
            else _l("Add the person to the sheet people."),
            field=column,
        )


class Known:
    """Hold everything that rows may name."""

    def __init__(self, session: Session, sheets: dict[str, ParsedSheet]) -> None:
        self.organisations = Shelf(
            {row.code: row for row in session.scalars(select(Organisation))},
            _l("There is no organisation with this code."),
            _l("Add it to the sheet organisations."),
        )
        self.people = People(session.scalars(select(Person)))
        self.sites = Shelf(
            {row.code: row for row in session.scalars(_sites())},
            _l("There is no site with this code."),
            _l("Add it to the sheet sites."),
        )
        self.programmes = Shelf(
            {row.code: row for row in session.scalars(_programmes())},
            _l("There is no programme with this code."),
            _l("Add it to the sheet programmes."),
        )
        self.moodles = Shelf(
            {row.name: row for row in session.scalars(select(Moodle))},
            _l("No Moodle is stored under this name."),
            _l("Store it first: flask --app lti_app moodle add NAME --url URL."),
        )
        self.intakes = Shelf(
            {row.code: row for row in session.scalars(select(Intake))},
            _l("There is no intake with this code."),
            _l("Add it to the sheet intakes."),
        )
        for name in ("organisations", "sites", "programmes", "intakes"):
            shelf: Shelf[Any] = getattr(self, name)
            if name in sheets:
                shelf.unread = _as_text(sheets[name].unread)
                shelf.unusable = sheets[name].unusable
        if "people" in sheets:
            self.people.spoil(*_as_text(sheets["people"].unread))
            self.people.unusable = sheets["people"].unusable


def _as_text(keys: set[Any]) -> set[str]:
    return {str(key) for key in keys if key is not None}


def _sites() -> Any:
    return select(Site).options(selectinload(Site.orders), selectinload(Site.leaders).selectinload(SiteLeader.person))


def _programmes() -> Any:
    return select(Programme).options(
        selectinload(Programme.site), selectinload(Programme.versions).selectinload(ProgrammeVersion.topics)
    )
