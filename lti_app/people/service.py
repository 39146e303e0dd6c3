"""Keep organisations and persons as papers and lists say; grant roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.permissions import Actor, Role
from lti_app.core.saving import Saved
from lti_app.people.models import Category, MoodleAccount, Organisation, Person, RoleGrant

GRANTABLE = (Role.ADMINISTRATOR, Role.CENTRE, Role.COUNCIL)
"""Roles that are given by name; leader and trainee follow from orders and enrolments."""
BY_HAND = "person"
"""How an account was matched that an administrator tied."""


@dataclass(frozen=True)
class OrganisationFacts:
    """Hold what is to be kept of an organisation."""

    code: str
    name: str
    type: str | None = None
    short_name: str | None = None
    licensed: bool = False


@dataclass(frozen=True)
class PersonFacts:
    """Hold what is to be kept of a person. At least one of ``moodle_idnumber`` and ``email`` is given."""

    last_name: str
    first_name: str
    middle_name: str | None = None
    moodle_idnumber: str | None = None
    email: str | None = None
    organisation: Organisation | None = None
    position: str | None = None
    category: Category | None = None
    category_until: date | None = None


def save_organisation(
    session: Session, existing: Organisation | None, facts: OrganisationFacts, *, actor: Actor, now: datetime
) -> tuple[Organisation, Saved]:
    """Create the organisation, or bring ``existing`` to ``facts``."""
    if existing is None:
        made = Organisation(
            code=facts.code,
            name=facts.name,
            type=facts.type,
            short_name=facts.short_name,
            licensed=facts.licensed,
        )
        return made, saving.add(session, made, actor=actor, now=now, action="create_organisation")
    values = {"name": facts.name, "type": facts.type, "short_name": facts.short_name, "licensed": facts.licensed}
    return existing, saving.change(session, existing, values, actor=actor, now=now, action="change_organisation")


def check_person(facts: PersonFacts) -> list[DomainError]:
    """Return what forbids keeping these facts."""
    refusals: list[DomainError] = []
    if facts.moodle_idnumber is None and facts.email is None:
        refusals.append(
            DomainError(
                "person_without_key",
                _l("Neither the number in Moodle nor the e-mail is given."),
                remedy=_l("Give at least one of them: by it the person is found in Moodle."),
                field="moodle_idnumber",
            )
        )
    if facts.category is None and facts.category_until is not None:
        refusals.append(
            DomainError(
                "expiry_without_category",
                _l("A day is given until which the category holds, but no category."),
                remedy=_l("Name the category (highest or first), or leave the day empty."),
                field="category_until",
            )
        )
    return refusals


def match_person(*, by_number: Person | None, by_email: Person | None, moodle_idnumber: str | None) -> Person | None:
    """Decide who is meant, given who is known by the number and by the e-mail; None for somebody new.

    Raises Conflict where number and e-mail belong to two persons: then nothing is guessed.
    """
    if by_email is None:
        return by_number
    numbers_differ = by_email.moodle_idnumber not in (None, moodle_idnumber) and moodle_idnumber is not None
    if by_email is not by_number and (by_number is not None or numbers_differ):
        raise Conflict(
            "email_of_another",
            _l("This e-mail belongs to another person: %(name)s.", name=by_email.full_name),
            remedy=_l("Check whose address it is; change the other person's first if it has passed on."),
            field="email",
        )
    return by_email


def save_person(
    session: Session, existing: Person | None, facts: PersonFacts, *, actor: Actor, now: datetime
) -> tuple[Person, Saved]:
    """Create the person, or bring ``existing`` to ``facts``. Number and e-mail are never emptied.

    Raises DomainError where ``check_person`` objects.
    """
    for refusal in check_person(facts):
        raise refusal
    values = {
        "last_name": facts.last_name,
        "first_name": facts.first_name,
        "middle_name": facts.middle_name,
        "organisation_id": facts.organisation.id if facts.organisation else None,
        "position": facts.position,
        "category": facts.category,
        "category_until": facts.category_until,
    }
    for name in ("moodle_idnumber", "email"):
        if getattr(facts, name) is not None:
            values[name] = getattr(facts, name)
    if existing is None:
        made = Person(**values)
        return made, saving.add(session, made, actor=actor, now=now, action="create_person")
    return existing, saving.change(session, existing, values, actor=actor, now=now, action="change_person")


def grant_role(session: Session, *, moodle_id: int, user_id: int, role: Role, actor: Actor, now: datetime) -> Saved:
    """Give a user of a Moodle a role; giving it again changes nothing.

    Raises DomainError for a role that can't be granted (leader and trainee).
    """
    if role not in GRANTABLE:
        raise DomainError(
            "not_grantable",
            _l("This role is not granted: it follows from an order or an enrolment."),
            remedy=_l("Roles that can be granted: %(roles)s.", roles=", ".join(GRANTABLE)),
            field="role",
        )
    held = session.scalar(
        select(RoleGrant).where(RoleGrant.moodle_id == moodle_id, RoleGrant.user_id == user_id, RoleGrant.role == role)
    )
    if held is not None:
        return Saved.UNCHANGED
    grant = RoleGrant(moodle_id=moodle_id, user_id=user_id, role=role, granted_at=now)
    return saving.add(session, grant, actor=actor, now=now, action="grant_role")


def revoke_role(session: Session, *, moodle_id: int, user_id: int, role: Role, actor: Actor, now: datetime) -> None:
    """Take a granted role back from a user of a Moodle. Raises NotFound where it isn't held."""
    held = session.scalar(
        select(RoleGrant).where(RoleGrant.moodle_id == moodle_id, RoleGrant.user_id == user_id, RoleGrant.role == role)
    )
    if held is None:
        raise NotFound(
            "role_not_held",
            _l("User %(user)s of this Moodle does not hold the role %(role)s.", user=user_id, role=role.value),
            remedy=_l("`people list` says who holds which granted role."),
        )
    changes = {"moodle_id": [moodle_id, None], "user_id": [user_id, None], "role": [role.value, None]}
    audit.record(session, actor=actor, now=now, action="revoke_role", on=held, changes=changes)
    session.delete(held)
    session.flush()


def tie_account(
    session: Session, *, moodle_id: int, user_id: int, person: Person, actor: Actor, now: datetime
) -> Saved:
    """Say that a user of a Moodle is ``person``; said again, it changes nothing.

    Raises Conflict where either is tied to another already.
    """
    of_user = session.scalar(
        select(MoodleAccount).where(MoodleAccount.moodle_id == moodle_id, MoodleAccount.user_id == user_id)
    )
    if of_user is not None and of_user.person_id == person.id:
        return Saved.UNCHANGED
    if of_user is not None:
        raise Conflict(
            "user_is_tied",
            _l("This Moodle user is tied to %(name)s already.", name=of_user.person.full_name),
            remedy=_l("If that is wrong, untie the user first: people untie MOODLE %(user)s.", user=user_id),
        )
    of_person = session.scalar(
        select(MoodleAccount).where(MoodleAccount.moodle_id == moodle_id, MoodleAccount.person_id == person.id)
    )
    if of_person is not None:
        other = of_person.user_id
        raise Conflict(
            "person_is_tied",
            _l("%(name)s is tied to the Moodle user %(user)s already.", name=person.full_name, user=other),
            remedy=_l("If that is wrong, untie that user first: people untie MOODLE %(user)s.", user=other),
        )
    account = MoodleAccount(
        moodle_id=moodle_id, user_id=user_id, person_id=person.id, matched_by=BY_HAND, matched_at=now
    )
    session.add(account)
    session.flush()
    changes = {"user_id": [None, user_id], "person_id": [None, person.id]}
    audit.record(session, actor=actor, now=now, action="tie_account", on=account, changes=changes)
    return Saved.CREATED


def untie_account(session: Session, *, moodle_id: int, user_id: int, actor: Actor, now: datetime) -> Person:
    """Take back that a user of a Moodle is a certain person, and return that person. Raises NotFound.

    A visit under way loses the person's roles with its next page. The next night looks for the person anew.
    """
    account = session.scalar(
        select(MoodleAccount).where(MoodleAccount.moodle_id == moodle_id, MoodleAccount.user_id == user_id)
    )
    if account is None:
        raise NotFound(
            "user_not_tied",
            _l("This Moodle user is tied to nobody."),
            remedy=_l("The user id is the number in the address of the profile in Moodle."),
        )
    person = account.person
    changes = {"user_id": [user_id, None], "person_id": [person.id, None]}
    audit.record(session, actor=actor, now=now, action="untie_account", on=account, changes=changes)
    session.delete(account)
    session.flush()
    return person
