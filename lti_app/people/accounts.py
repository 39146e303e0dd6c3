"""Which person a Moodle user is: by what is known already, then idnumber, then e-mail. Nothing is guessed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, LargeBinary, cast, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_app.core.errors import Conflict, NotFound
from lti_app.core.permissions import Role
from lti_app.lti.claims import numeric_id
from lti_app.people.models import MoodleAccount, Person, RoleGrant

log = logging.getLogger(__name__)


def find_person(
    session: Session,
    *,
    moodle_id: int,
    user_id: int,
    idnumber: str | None,
    email: str | None,
    has_power: Callable[[Person], bool],
    now: datetime,
) -> Person | None:
    """Return the person whom a Moodle user is, or None where it isn't certain; never make a person.

    A sure match is stored as a MoodleAccount and found by it from then on. Not certain are: several persons with that
    e-mail; an e-mail whose person has another idnumber, or the other way round; a person tied to
    another user of the same Moodle already; a person who ``has_power`` over others.
    """
    known = person_of_user(session, moodle_id=moodle_id, user_id=user_id)
    if known is not None:
        return known
    person, matched_by = _by_idnumber(session, (idnumber or "").strip()), "idnumber"
    if person is not None and _emails_differ(person.email, email):
        # In Moodle people may write an idnumber into their own profile: two words against each other are not sure.
        log.warning("moodle %s user %s: the idnumber and the e-mail are two people's", moodle_id, user_id)
        return None
    if person is None:
        person, matched_by = _by_email(session, (email or "").strip(), (idnumber or "").strip()), "email"
    if person is None:
        return None
    if has_power(person):
        # Moodle may let people write idnumber and e-mail into their own profile: for the power to confirm hours of
        # others that is no proof. The night ties whom the order names, and an administrator can.
        log.warning("moodle %s user %s: matches somebody with power over others; not tied", moodle_id, user_id)
        return None
    account = MoodleAccount(
        moodle_id=moodle_id, user_id=user_id, person_id=person.id, matched_by=matched_by, matched_at=now
    )
    try:
        with session.begin_nested():
            session.add(account)
    except IntegrityError:
        # Either another launch of the same user was first, or the person is another user's already.
        winner = person_of_user(session, moodle_id=moodle_id, user_id=user_id)
        if winner is None:
            log.warning("moodle %s user %s: the person is tied to another user; a person decides", moodle_id, user_id)
        return winner
    return person


def holds_granted_role(session: Session, person: Person) -> bool:
    """Tell whether a role was granted to a user, of whatever Moodle, who is this person."""
    found = session.scalar(
        select(RoleGrant.id)
        .join(
            MoodleAccount,
            (MoodleAccount.moodle_id == RoleGrant.moodle_id) & (MoodleAccount.user_id == RoleGrant.user_id),
        )
        .where(MoodleAccount.person_id == person.id)
        .limit(1)
    )
    return found is not None


def people_with_role(session: Session, role: Role) -> set[int]:
    """Return the people, known by an account, to whom ``role`` was granted in whatever Moodle."""
    return set(
        session.scalars(
            select(MoodleAccount.person_id)
            .join(
                RoleGrant,
                (RoleGrant.moodle_id == MoodleAccount.moodle_id) & (RoleGrant.user_id == MoodleAccount.user_id),
            )
            .where(RoleGrant.role == role)
        )
    )


def person_called(session: Session, name: str) -> Person:
    """Return the person with this number in Moodle or e-mail, as imported. Raises NotFound, Conflict (two people)."""
    by_number = _by_idnumber(session, name.strip())
    by_email = _by_email(session, name.strip(), "")
    if by_number is not None and by_email is not None and by_number is not by_email:
        raise Conflict(
            "two_people_called_so",
            _l("“%(name)s” is the number of one person and the e-mail of another.", name=name),
            remedy=_l("Mend the list of people and import it again."),
        )
    person = by_number or by_email
    if person is None:
        raise NotFound(
            "no_such_person",
            _l("Nobody on the lists has the number or the e-mail “%(name)s”.", name=name),
            remedy=_l("Give it as it stands in the list of people that was imported."),
        )
    return person


def person_of_user(session: Session, *, moodle_id: int, user_id: int) -> Person | None:
    """Return the person to whom this user of a Moodle is tied, or None."""
    return session.scalar(
        select(Person)
        .join(MoodleAccount, MoodleAccount.person_id == Person.id)
        .where(MoodleAccount.moodle_id == moodle_id, MoodleAccount.user_id == user_id)
    )


def is_nobody_known(session: Session, *, idnumber: str | None, email: str | None) -> bool:
    """Tell whether nobody on the lists has this number, or this e-mail however it is spelt."""
    folded = (email or "").strip()
    return _by_idnumber(session, (idnumber or "").strip()) is None and not (folded and _with_email(session, folded))


def _emails_differ(known: str | None, told: str | None) -> bool:
    return bool(known and told and told.strip()) and str(known).strip().casefold() != str(told).strip().casefold()


def _by_idnumber(session: Session, idnumber: str) -> Person | None:
    if not idnumber:
        return None
    return session.scalar(select(Person).where(Person.moodle_idnumber == idnumber))


def _by_email(session: Session, email: str, idnumber: str) -> Person | None:
    found = _with_email(session, email) if email else []
    if len(found) != 1:
        return None
    person = session.get_one(Person, found[0])
    if idnumber and person.moodle_idnumber:
        return None  # Moodle says it is somebody else: the idnumber is the stronger word
    return person


def _with_email(session: Session, email: str) -> list[int]:
    """Return the ids of the people with this e-mail, however it is spelt."""
    query = select(Person.id, Person.email).where(Person.email.is_not(None))
    if email.isascii():
        # Databases fold letters beyond ASCII differently, or not at all: those are compared here.
        query = query.where(or_(func.lower(Person.email) == email.lower(), _beyond_ascii(session)))
    folded = email.casefold()
    return [person_id for person_id, stored in session.execute(query) if (stored or "").strip().casefold() == folded]


def _beyond_ascii(session: Session) -> ColumnElement[bool]:
    if session.get_bind().dialect.name == "sqlite":
        return func.length(cast(Person.email, LargeBinary)) != func.length(Person.email)
    return func.octet_length(Person.email) != func.length(Person.email)


def remember_last_link(session: Session, *, moodle_id: int, user_id: int, link: str | None, known: int | None) -> None:
    """Keep by which link of the tool a known user came, where it isn't the one known: a notice leads back by it."""
    number = numeric_id(link)
    if number is None or number == known:
        return
    session.execute(
        update(MoodleAccount)
        .where(MoodleAccount.moodle_id == moodle_id, MoodleAccount.user_id == user_id)
        .values(last_link=number)
    )
