"""Applications for a site (3.2): written, put in, returned with remarks, accepted; an order follows and makes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import saving
from lti_app.core.db import lock_row
from lti_app.core.editing import differences, require_unchanged
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor, Permission, Role
from lti_app.notices.service import tell
from lti_app.people.accounts import people_with_role
from lti_app.people.models import Organisation, OrganisationHead, Person
from lti_app.sites.models import LONGEST_TERM_YEARS, ApplicationState, Site, SiteApplication
from lti_app.sites.words import APPLICATION_FIELDS

EDITABLE = (ApplicationState.DRAFT, ApplicationState.RETURNED)
OPEN = (ApplicationState.DRAFT, ApplicationState.SUBMITTED, ApplicationState.RETURNED, ApplicationState.ACCEPTED)
TEXTS = ("direction", "topic", "experience", "equipment", "achievements")
LEADING_POSITIONS = (
    "директор",
    "заведующ",
    "руководител",
    "начальник",
    "учител",
    "педагог",
    "воспитател",
    "преподавател",
    "психолог",
    "тренер",
    "методист",
    "концертмейстер",
    "логопед",
    "дефектолог",
)
"""Beginnings of words in positions of those whom 4.1 names: heads, teachers of all kinds, psychologists."""


@dataclass(frozen=True)
class ApplicationFacts:
    """Hold what an application says (3.1, 3.2, 4.1); a draft may have gaps."""

    host_id: int
    direction: str | None
    topic: str | None
    experience: str | None
    equipment: str | None
    achievements: str | None
    leader_id: int | None
    term_years: int = LONGEST_TERM_YEARS
    renews_id: int | None = None


def own_organisation(session: Session, actor: Actor) -> Organisation:
    """Return where ``actor`` works, in whose name they apply. Raises Forbidden where nobody knows."""
    person = session.get_one(Person, actor.require_person())
    organisation = person.organisation
    if organisation is None:
        raise Forbidden(
            "no_organisation",
            _l("It isn't known where you work."),
            remedy=_l("Ask the centre to put your organisation down."),
            clause="3.2",
        )
    return organisation


def application_of(session: Session, application_id: int, *, actor: Actor) -> SiteApplication:
    """Return an application for who may see it: its author, the head of the applicant, the centre. Raises NotFound."""
    found = session.get(
        SiteApplication,
        application_id,
        options=[
            joinedload(SiteApplication.applicant),
            joinedload(SiteApplication.host),
            joinedload(SiteApplication.leader).joinedload(Person.organisation),
            joinedload(SiteApplication.author),
        ],
    )
    if found is not None and (_is_the_centres(found, actor) or _is_applicants(session, found, actor)):
        return found
    raise NotFound("no_such_application", _l("There is no such application."))


def _is_the_centres(application: SiteApplication, actor: Actor) -> bool:
    """Tell whether the centre sees it: once it was put in, or where this specialist writes it."""
    is_seen = application.state is not ApplicationState.DRAFT or application.author_id == actor.person_id
    return is_seen and actor.may(Permission.KEEP_SITES)


def _is_applicants(session: Session, application: SiteApplication, actor: Actor) -> bool:
    if actor.person_id is None:
        return False
    if application.author_id == actor.person_id:
        return True
    return (
        session.scalar(
            select(OrganisationHead.id).where(
                OrganisationHead.organisation_id == application.applicant_id,
                OrganisationHead.person_id == actor.person_id,
                OrganisationHead.until.is_(None),
            )
        )
        is not None
    )


def _checked(session: Session, applicant: Organisation, facts: ApplicationFacts, actor: Actor) -> None:
    require_fitting(SiteApplication, {name: _values(facts)[name] for name in TEXTS})
    host = session.get(Organisation, facts.host_id)
    if host is None:
        raise DomainError(
            "no_host",
            _l("The organisation where the site is to be isn't chosen."),
            remedy=_l("Choose it of the list."),
            field="host",
            clause="3.2",
        )
    if host.id != applicant.id and not applicant.is_authority and not actor.may(Permission.KEEP_SITES):
        raise DomainError(
            "not_own_host",
            _l("An organisation applies for a site of its own; for another one an education authority applies."),
            remedy=_l("Choose your own organisation."),
            field="host",
            clause="3.2",
        )
    if not 1 <= facts.term_years <= LONGEST_TERM_YEARS:
        raise DomainError(
            "term_too_long",
            _l("Status is granted for three years at most (3.3)."),
            remedy=_l("Choose one, two or three years."),
            field="term_years",
            clause="3.3",
        )
    if facts.leader_id is not None and session.get(Person, facts.leader_id) is None:
        raise DomainError(
            "no_such_person", _l("There is no such person."), remedy=_l("Choose one of the list."), field="leader"
        )
    if facts.renews_id is not None:
        site = session.get(Site, facts.renews_id)
        if site is None or site.organisation_id != host.id or site.ended_on is not None:
            raise DomainError(
                "nothing_to_renew",
                _l("There is no such site at this organisation, or it has ended."),
                remedy=_l("A new site is applied for anew."),
                field="renews",
                clause="3.3",
            )


def begin_application(
    session: Session, facts: ApplicationFacts, *, applicant_id: int | None, actor: Actor, now: datetime
) -> SiteApplication:
    """Begin an application as a draft: for one's own organisation, or as the centre for who sent it on paper (3.2)."""
    actor.require(Permission.APPLY_FOR_SITE)
    if applicant_id is not None and actor.may(Permission.KEEP_SITES):
        applicant = session.get(Organisation, applicant_id)
        if applicant is None:
            raise DomainError(
                "no_applicant",
                _l("The applicant isn't chosen."),
                remedy=_l("Choose it of the list."),
                field="applicant",
            )
    else:
        applicant = own_organisation(session, actor)
    _checked(session, applicant, facts, actor)
    application = SiteApplication(
        state=ApplicationState.DRAFT,
        applicant_id=applicant.id,
        author_id=actor.person_id,
        created_at=now,
        **_values(facts),
    )
    saving.add(session, application, actor=actor, now=now, action="begin_application")
    return application


def _values(facts: ApplicationFacts) -> dict[str, Any]:
    values: dict[str, Any] = {name: (getattr(facts, name) or "").strip() or None for name in TEXTS}
    return values | {
        "host_id": facts.host_id,
        "leader_id": facts.leader_id,
        "term_years": facts.term_years,
        "renews_id": facts.renews_id,
    }


def change_application(
    session: Session, application_id: int, facts: ApplicationFacts, *, seen: int | None, actor: Actor, now: datetime
) -> SiteApplication:
    """Bring an application to ``facts`` while it is its author's. Raises EditedMeanwhile, Conflict once put in."""
    application = application_of(session, application_id, actor=actor)

    def compare() -> list[Any]:
        typed = {name: value for name, value in _values(facts).items() if name in APPLICATION_FIELDS}
        return differences(application, typed, APPLICATION_FIELDS)

    require_unchanged(session, application, seen, compare)
    require_state(application, *EDITABLE)
    _checked(session, application.applicant, facts, actor)
    saving.change(session, application, _values(facts), actor=actor, now=now, action="change_application")
    return application


def require_state(application: SiteApplication, *states: ApplicationState) -> None:
    """Refuse what an application in another state does not allow. Raises Conflict."""
    if application.state not in states:
        raise Conflict(
            "application_moved_on",
            _l("The application has moved on meanwhile."),
            remedy=_l("Reload the page to see how things stand."),
            clause="3.2",
        )


def lacks(application: SiteApplication, day: date) -> list[DomainError]:
    """Return what an application lacks on the local date ``day`` (3.1, 3.2, 4.1): each with field and remedy."""
    found = [
        DomainError(
            "field_missing",
            _l("“%(field)s” is empty.", field=APPLICATION_FIELDS[name]),
            remedy=_l("Fill it in."),
            field=name,
            clause=clause,
        )
        for name, clause in (("direction", "3.2"), ("experience", "3.1"), ("achievements", "4.1"))
        if not getattr(application, name)
    ]
    leader = application.leader
    if leader is None:
        found.append(
            DomainError(
                "leader_missing",
                _l("Nobody is proposed as leader."),
                remedy=_l("Choose a person of the list."),
                field="leader",
                clause="4.1",
            )
        )
    else:
        found += check_leader(leader, day)
    return found


def check_leader(leader: Person, day: date) -> list[DomainError]:
    """Return what keeps a person from leading a site on ``day``: no highest or first category in force (4.1)."""
    if leader.has_category_on(day):
        return []
    return [
        DomainError(
            "leader_without_category",
            _l("%(name)s holds neither the highest nor the first category on this day (4.1).", name=leader.full_name),
            remedy=_l("Name another leader, or ask the centre to put the category down."),
            field="leader",
            clause="4.1",
        )
    ]


def is_leading_position(position: str | None) -> bool:
    """Tell whether a position is one of those that 4.1 names; titles vary, so this warns and refuses nothing."""
    words = (position or "").lower().replace("-", " ").split()
    return any(word.startswith(LEADING_POSITIONS) for word in words)


def submit_application(
    session: Session, application_id: int, *, actor: Actor, now: datetime, today: date
) -> SiteApplication:
    """Put an application in: complete, and its leader fit on the local date ``today`` (4.1). The centre is told."""
    application = application_of(session, application_id, actor=actor)
    lock_row(session, application)
    require_state(application, *EDITABLE)
    for refusal in lacks(application, today):
        raise refusal
    twin = session.scalar(
        select(SiteApplication.id).where(
            SiteApplication.host_id == application.host_id,
            SiteApplication.direction == application.direction,
            SiteApplication.id != application.id,
            SiteApplication.state.in_((ApplicationState.SUBMITTED, ApplicationState.ACCEPTED)),
        )
    )
    if twin is not None:
        raise Conflict(
            "application_under_way",
            _l("An application of this organisation for this direction is with the centre already."),
            remedy=_l("Wait for its answer, or choose another direction."),
            field="direction",
            clause="3.2",
        )
    values = {"state": ApplicationState.SUBMITTED, "submitted_at": now}
    saving.change(session, application, values, actor=actor, now=now, action="submit_application")
    tell(
        session,
        people_with_role(session, Role.CENTRE),
        occasion="application_submitted",
        about=application,
        turn=now.isoformat(timespec="seconds"),
        path=path_of(application),
        facts=_facts(application),
        now=now,
    )
    return application


def path_of(application: SiteApplication) -> str:
    """Return the page of an application."""
    return f"/applications/{application.id}"


def _facts(application: SiteApplication) -> dict[str, str]:
    return {"direction": application.direction or "", "organisation": application.host.label}


def may_withdraw(session: Session, application: SiteApplication, actor: Actor) -> bool:
    """Tell whether ``actor`` is of the applicant's side; the centre is for what it put in itself, sent on paper."""
    put_in_by_centre = application.author_id is None and actor.may(Permission.KEEP_SITES)
    return put_in_by_centre or _is_applicants(session, application, actor)


def withdraw_application(session: Session, application_id: int, *, actor: Actor, now: datetime) -> SiteApplication:
    """Withdraw an application before it is accepted. Raises Forbidden to who isn't of the applicant's side."""
    application = application_of(session, application_id, actor=actor)
    lock_row(session, application)
    if not may_withdraw(session, application, actor):
        raise Forbidden(
            "not_the_applicant",
            _l("An application is withdrawn by who wrote it or by the head of the applicant."),
            remedy=_l("The centre can return it with remarks."),
            clause="3.2",
        )
    require_state(application, *EDITABLE, ApplicationState.SUBMITTED)
    values = {"state": ApplicationState.WITHDRAWN}
    saving.change(session, application, values, actor=actor, now=now, action="withdraw_application")
    return application


def return_application(
    session: Session, application_id: int, *, remarks: str, actor: Actor, now: datetime
) -> SiteApplication:
    """Return an application with remarks; the applicant is told. Raises DomainError without remarks."""
    actor.require(Permission.KEEP_SITES)
    application = application_of(session, application_id, actor=actor)
    lock_row(session, application)
    require_state(application, ApplicationState.SUBMITTED, ApplicationState.ACCEPTED)
    if not remarks.strip():
        raise DomainError(
            "remarks_missing",
            _l("It isn't said what to mend."),
            remedy=_l("Write it: the applicant reads it."),
            field="remarks",
        )
    values = {"state": ApplicationState.RETURNED, "decided_at": now, "remarks": remarks.strip()}
    saving.change(session, application, values, actor=actor, now=now, action="return_application")
    tell_applicant(session, application, "application_returned", now=now, remarks=remarks.strip())
    return application


def accept_application(session: Session, application_id: int, *, actor: Actor, now: datetime) -> SiteApplication:
    """Accept an application; an order is to follow. The applicant is told."""
    actor.require(Permission.KEEP_SITES)
    application = application_of(session, application_id, actor=actor)
    lock_row(session, application)
    require_state(application, ApplicationState.SUBMITTED)
    values = {"state": ApplicationState.ACCEPTED, "decided_at": now}
    saving.change(session, application, values, actor=actor, now=now, action="accept_application")
    tell_applicant(session, application, "application_accepted", now=now)
    return application


def tell_applicant(
    session: Session, application: SiteApplication, occasion: str, *, now: datetime, **facts: str
) -> None:
    """Tell the author of an application, and the head of the applicant, what became of it."""
    heads = session.scalars(
        select(OrganisationHead.person_id).where(
            OrganisationHead.organisation_id == application.applicant_id, OrganisationHead.until.is_(None)
        )
    )
    people = {*heads, *({application.author_id} if application.author_id else ())}
    tell(
        session,
        people,
        occasion=occasion,
        about=application,
        turn=now.isoformat(timespec="seconds"),
        path=path_of(application),
        facts={**_facts(application), **facts},
        now=now,
    )


def applications_seen(session: Session, *, actor: Actor) -> Any:
    """Select the applications that ``actor`` may see."""
    query = select(SiteApplication).options(joinedload(SiteApplication.host), joinedload(SiteApplication.applicant))
    if actor.may(Permission.KEEP_SITES):
        return query.where(
            or_(SiteApplication.state != ApplicationState.DRAFT, SiteApplication.author_id == actor.person_id)
        )
    headed = select(OrganisationHead.organisation_id).where(
        OrganisationHead.person_id == actor.require_person(), OrganisationHead.until.is_(None)
    )
    return query.where(or_(SiteApplication.author_id == actor.person_id, SiteApplication.applicant_id.in_(headed)))
