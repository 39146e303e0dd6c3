"""Whom a row of a list means: by number, by e-mail, then by name, and the more doubtful the more is asked. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from lti_app.core.words import plain
from lti_app.meetings.list_reading import ListedPerson

NEAR = 0.8
"""How alike two last names are that may be one, mistyped."""
MOST_CANDIDATES = 8


class Match(enum.StrEnum):
    """Say how sure it is whom a row means."""

    NUMBER = "number"
    EMAIL = "email"
    NAME = "name"
    """One person has just this name: likely, and to be confirmed."""
    CHOICE = "choice"
    """Several may be meant: somebody has to choose."""
    NOBODY = "nobody"


@dataclass(frozen=True)
class Candidate:
    """Hold somebody whom a row may mean. ``key``: t and the trainee's id, or g and the guest's."""

    key: str
    last_name: str
    first_name: str
    middle_name: str
    email: str
    number: str

    @property
    def full_name(self) -> str:
        """Return the whole name."""
        return " ".join(filter(None, (self.last_name, self.first_name, self.middle_name)))


@dataclass(frozen=True)
class Matched:
    """Say whom a row may mean: ``chosen`` where it is one person, ``candidates`` where somebody has to choose."""

    how: Match
    chosen: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()


def match(person: ListedPerson, awaited: Sequence[Candidate]) -> Matched:
    """Find whom somebody on a list is among those awaited."""
    for how, told in ((Match.NUMBER, person.number), (Match.EMAIL, person.email)):
        found = [one for one in awaited if told and _same(told, one.number if how is Match.NUMBER else one.email)]
        if len(found) == 1:
            return Matched(how, found[0], (found[0],))
    words = plain(person.name).replace(".", " ").split()
    exact = [one for one in awaited if _names(words, one)]
    if len(exact) == 1:
        return Matched(Match.NAME, exact[0], (exact[0],))
    near = exact or [one for one in awaited if _is_near(words, one)]
    return Matched(Match.CHOICE, None, tuple(near[:MOST_CANDIDATES])) if near else Matched(Match.NOBODY)


def _same(one: str, other: str) -> bool:
    return bool(other) and one.strip().casefold() == other.strip().casefold()


def _names(words: Sequence[str], one: Candidate) -> bool:
    """Tell whether ``words`` are a person's name: in any order, with or without the patronymic, or initials."""
    last, first, middle = (plain(part).split() for part in (one.last_name, one.first_name, one.middle_name))
    rest = list(words)
    for part in last:
        if part not in rest:
            return False
        rest.remove(part)
    if not rest:
        return False  # a last name alone may be anybody's
    given = [*first, *middle]
    if all(len(word) == 1 for word in rest):
        return rest == [word[0] for word in given[: len(rest)]]
    return sorted(rest) in (sorted(first), sorted(given))


def _is_near(words: Sequence[str], one: Candidate) -> bool:
    last = plain(one.last_name)
    parts = last.split()
    if any(word == part for word in words for part in parts):
        return True
    likeness = (SequenceMatcher(None, word, last).ratio() for word in words if len(word) > 3)
    return any(value >= NEAR for value in likeness)
