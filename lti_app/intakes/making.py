"""Intakes as the leader makes and edits them: dates within the site's orders (3.3), places, who may ask for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit, saving
from lti_app.core.editing import Difference, differences, require_unchanged
from lti_app.core.errors import Conflict, DomainError, NotFound, Text
from lti_app.core.permissions import Actor
from lti_app.core.saving import Saved
from lti_app.intakes.models import Admission, Intake, IntakeOrganisation
from lti_app.intakes.service import IntakeFacts, check_intake
from lti_app.intakes.waiting import fill, local_day, locked_intake, places_taken
from lti_app.lti.models import Moodle
from lti_app.people.models import Organisation
from lti_app.programmes.models import Programme, VersionState
from lti_app.programmes.service import version_for_intake

MOST_PLACES = 1000
LONGEST_NOTE = 2000
LONGEST_CODE = 60


@dataclass(frozen=True)
class IntakeTerms:
    """Hold what a leader says of an intake. Dates are local, ``ends_on`` and ``requests_until`` are last days."""

    starts_on: date
    ends_on: date
    capacity: int
    moodle_id: int
    admission: Admission = Admission.MUNICIPALITY
    organisation_ids: frozenset[int] = frozenset()
    needs_head: bool = False
    keeps_waiting_list: bool = True
    requests_until: date | None = None
    note: str | None = None


def programme_to_run(session: Session, programme_id: int, *, actor: Actor, for_update: bool = False) -> Programme:
    """Return a programme of a site that ``actor`` leads. Raises NotFound, Forbidden."""
    programme = session.scalar(
        select(Programme)
        .where(Programme.id == programme_id)
        .options(joinedload(Programme.site))
        .with_for_update(of=Programme, key_share=True)
        if for_update
        else select(Programme).where(Programme.id == programme_id).options(joinedload(Programme.site))
    )
    if programme is None:
        raise NotFound("no_such_programme", _l("There is no such programme."))
    actor.require_site(programme.site_id)
    return programme


def create_intake(
    session: Session, programme_id: int, terms: IntakeTerms, *, actor: Actor, now: datetime, zone: ZoneInfo
) -> Intake:
    """Make an unpublished intake on the newest approved version, or on the newest one where none is approved yet.

    Its code follows from the programme's. Raises NotFound, Forbidden; DomainError for dates outside the site's orders
    (3.3) or in the past, and where anything else in ``terms`` can't be.
    """
    programme = programme_to_run(session, programme_id, actor=actor, for_update=True)
    version = version_for_intake(programme)
    if version.state is VersionState.REJECTED:
        raise Conflict(
            "version_rejected",
            _l("The council rejected the newest version of the programme."),
            remedy=_l("Begin a new version of it first."),
            clause="4.2",
        )
    moodle = _moodle(session, terms.moodle_id)
    facts = _facts(_next_code(session, programme), programme, moodle, terms)
    for refusal in (*check_intake(None, facts), *_check_terms(session, terms), *_check_start(None, terms, now, zone)):
        raise refusal
    intake = Intake(
        code=facts.code,
        version_id=version.id,
        version=version,
        moodle_id=moodle.id,
        starts_on=terms.starts_on,
        ends_on=terms.ends_on,
        capacity=terms.capacity,
        admission=terms.admission,
        needs_head=terms.needs_head,
        keeps_waiting_list=terms.keeps_waiting_list,
        requests_until=terms.requests_until,
        note=terms.note,
    )
    saving.add(session, intake, actor=actor, now=now, action="create_intake")
    _keep_organisations(session, intake, terms, actor=actor, now=now)
    return intake


def intake_to_edit(session: Session, intake_id: int, *, actor: Actor) -> Intake:
    """Return an intake of a site that ``actor`` leads, to fill a form from. Raises NotFound, Forbidden."""
    intake = session.get(Intake, intake_id)
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(intake.version.programme.site_id)
    return intake


def edit_intake(
    session: Session,
    intake_id: int,
    terms: IntakeTerms,
    *,
    seen: int | None,
    planned: tuple[date, date] | None,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> Saved:
    """Bring an intake to ``terms``; ``seen`` is the revision that the form was filled from.

    ``planned`` are the first and last local day of its meetings. Places that become free go to those who wait. Raises
    NotFound, Forbidden, EditedMeanwhile; DomainError as ``create_intake``, for fewer places than are taken, for days
    that leave a meeting out, and for what can't change once the intake has begun or is over.
    """
    intake = locked_intake(session, intake_id)
    actor.require_site(intake.version.programme.site_id)
    before = organisations_of(session, intake.id)
    require_unchanged(session, intake, seen, lambda: _differences(session, intake, before, terms))
    facts = _facts(intake.code, intake.version.programme, _moodle(session, terms.moodle_id), terms)
    for refusal in (
        *_check_under_way(session, intake, terms, local_day(now, zone)),
        *check_intake(intake, facts),
        *_check_terms(session, terms),
        *_check_start(intake, terms, now, zone),
        *_check_planned(terms, planned),
    ):
        raise refusal
    values = _values(terms)
    saved = saving.change(session, intake, values, actor=actor, now=now, action="change_intake")
    if _keep_organisations(session, intake, terms, actor=actor, now=now) is Saved.CHANGED and saved is Saved.UNCHANGED:
        intake.revision += 1
        saved = Saved.CHANGED
    fill(session, intake, actor=actor, now=now, zone=zone)
    session.flush()
    return saved


def organisations_of(session: Session, intake_id: int) -> Sequence[Organisation]:
    """Return the organisations to which an intake is open, by name."""
    return session.scalars(
        select(Organisation)
        .join(IntakeOrganisation, IntakeOrganisation.organisation_id == Organisation.id)
        .where(IntakeOrganisation.intake_id == intake_id)
        .order_by(Organisation.name, Organisation.id)
    ).all()


def _values(terms: IntakeTerms) -> dict[str, Any]:
    return {
        "starts_on": terms.starts_on,
        "ends_on": terms.ends_on,
        "capacity": terms.capacity,
        "moodle_id": terms.moodle_id,
        "admission": terms.admission,
        "needs_head": terms.needs_head,
        "keeps_waiting_list": terms.keeps_waiting_list,
        "requests_until": terms.requests_until,
        "note": terms.note,
    }


def _differences(
    session: Session, intake: Intake, before: Sequence[Organisation], terms: IntakeTerms
) -> list[Difference]:
    from lti_app.intakes.words import FIELDS, shown

    typed = {name: value for name, value in _values(terms).items() if name != "moodle_id"}
    found = differences(intake, typed, FIELDS, shown)
    wanted = _organisations(session, terms)
    if {one.id for one in before} != {one.id for one in wanted}:
        found.append(Difference(FIELDS["organisations"], _names(before), _names(wanted)))
    return found


def _facts(code: str, programme: Programme, moodle: Moodle, terms: IntakeTerms) -> IntakeFacts:
    return IntakeFacts(
        code=code,
        programme=programme,
        moodle=moodle,
        starts_on=terms.starts_on,
        ends_on=terms.ends_on,
        capacity=terms.capacity,
    )


def _moodle(session: Session, moodle_id: int) -> Moodle:
    moodle = session.get(Moodle, moodle_id)
    if moodle is None:
        raise DomainError(
            "no_such_moodle",
            _l("It isn't said in which Moodle the course is to be."),
            remedy=_l("Choose one of the list."),
            field="moodle",
        )
    return moodle


def _next_code(session: Session, programme: Programme) -> str:
    """Return a code that no intake has: the programme's with a running number, as the plan of intakes writes it."""
    stem = programme.code[: LONGEST_CODE - 6]
    taken = set(session.scalars(select(Intake.code).where(Intake.code.startswith(f"{stem}-", autoescape=True))))
    numbers = [int(code.rpartition("-")[2]) for code in taken if code.rpartition("-")[2].isdecimal()]
    number = max((one for one in numbers if one < 10_000), default=0) + 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def _check_terms(session: Session, terms: IntakeTerms) -> Iterator[DomainError]:
    if not 0 < terms.capacity <= MOST_PLACES:
        yield DomainError(
            "capacity_out_of_range",
            _l("The number of places is between 1 and %(most)s.", most=MOST_PLACES),
            remedy=_l("Give another number."),
            field="capacity",
        )
    if terms.requests_until is not None and terms.requests_until > terms.starts_on:
        yield DomainError(
            "requests_after_start",
            _l("Places can't be asked for after the start."),
            remedy=_l("Give the first day of the intake or an earlier one, or leave the field empty."),
            field="requests_until",
        )
    if terms.note is not None and len(terms.note) > LONGEST_NOTE:
        yield DomainError(
            "note_too_long",
            _l("The note is longer than %(longest)s characters.", longest=LONGEST_NOTE),
            remedy=_l("Shorten it; what the programme is about stands in its annotation."),
            field="note",
        )
    if terms.admission is not Admission.ORGANISATIONS:
        return
    if not terms.organisation_ids or len(_organisations(session, terms)) != len(terms.organisation_ids):
        yield DomainError(
            "no_organisation_chosen",
            _l("It isn't said to which organisations the intake is open."),
            remedy=_l("Choose at least one of the list."),
            field="organisations",
        )


def _check_start(intake: Intake | None, terms: IntakeTerms, now: datetime, zone: ZoneInfo) -> Iterator[DomainError]:
    if intake is not None and intake.starts_on == terms.starts_on:
        return
    if terms.starts_on < local_day(now, zone):
        yield DomainError(
            "starts_in_past",
            _l("The first day is over already."),
            remedy=_l("Give today or a later day."),
            field="starts_on",
        )


def _check_under_way(session: Session, intake: Intake, terms: IntakeTerms, today: date) -> Iterator[DomainError]:
    if intake.broken_off_on is not None or intake.ends_on < today:
        yield Conflict("intake_is_over", _l("This intake has ended."), remedy=_l("It stays as it was."))
    if intake.starts_on <= today:
        if terms.starts_on != intake.starts_on:
            yield _begun("starts_on", _l("The intake has begun: its first day stays."))
        if terms.ends_on != intake.ends_on and terms.ends_on < today:
            yield _begun("ends_on", _l("The intake can't end on a day that is over."))
        if terms.capacity < intake.capacity:
            yield _begun("capacity", _l("The intake has begun: places can be added, not taken away."))
    taken = places_taken(session, intake.id)
    if terms.capacity < taken:
        yield Conflict(
            "fewer_places_than_taken",
            _l("%(taken)s places are taken already.", taken=taken),
            remedy=_l("Give that number or a larger one."),
            field="capacity",
        )


def _begun(field: str, message: Text) -> Conflict:
    return Conflict("intake_has_begun", message, remedy=_l("Leave the field as it was."), field=field)


def _check_planned(terms: IntakeTerms, planned: tuple[date, date] | None) -> Iterator[DomainError]:
    if planned is None:
        return
    first, last = planned
    if first < terms.starts_on or last > terms.ends_on:
        is_first = first < terms.starts_on
        yield Conflict(
            "leaves_meeting_out",
            _l(
                "A meeting planned on %(day)s would be outside the intake.",
                day=f"{first if is_first else last:%d.%m.%Y}",
            ),
            remedy=_l("Cancel that meeting first, or keep its day within the intake."),
            field="starts_on" if is_first else "ends_on",
        )


def _organisations(session: Session, terms: IntakeTerms) -> Sequence[Organisation]:
    if terms.admission is not Admission.ORGANISATIONS:
        return []
    return session.scalars(
        select(Organisation).where(Organisation.id.in_(terms.organisation_ids)).order_by(Organisation.name)
    ).all()


def _names(organisations: Sequence[Organisation]) -> str:
    return ", ".join(one.label for one in organisations)


def _keep_organisations(session: Session, intake: Intake, terms: IntakeTerms, *, actor: Actor, now: datetime) -> Saved:
    before, wanted = organisations_of(session, intake.id), _organisations(session, terms)
    if {one.id for one in before} == {one.id for one in wanted}:
        return Saved.UNCHANGED
    session.execute(delete(IntakeOrganisation).where(IntakeOrganisation.intake_id == intake.id))
    session.add_all(IntakeOrganisation(intake_id=intake.id, organisation_id=one.id) for one in wanted)
    session.flush()
    changes = {"organisations": [_names(before), _names(wanted)]}
    audit.record(session, actor=actor, now=now, action="change_intake", on=intake, changes=changes)
    return Saved.CHANGED
