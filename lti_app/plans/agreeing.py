"""Both sides agree to the same text of a plan; points are marked as done (5.2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core import audit
from lti_app.core.db import lock_row
from lti_app.core.editing import edited_meanwhile
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.permissions import Actor
from lti_app.notices.service import tell
from lti_app.plans.content import content_of, points_of
from lti_app.plans.models import IndividualPlan, PlanItem, PlanState, PlanVersion, Side
from lti_app.plans.seats import Seat, seat_of
from lti_app.plans.writing import plan_to_change, require_within
from lti_app.programmes.council_notices import leaders_of


def agree_to_plan(
    session: Session, *, trainee_id: int, seen: int | None, actor: Actor, now: datetime
) -> IndividualPlan:
    """Put down that one side agrees to the text of revision ``seen``; the second to agree makes it a version.

    The first thereby proposes it, and the other side is told. Said again, it changes nothing. Raises NotFound,
    Forbidden, EditedMeanwhile where the text is another by now, Conflict, DomainError for an empty plan or days that
    the intake no longer has.
    """
    seat = seat_of(session, trainee_id, actor=actor)
    plan = plan_to_change(session, seat)
    _require_seen(session, plan, seen)
    if plan.state is PlanState.AGREED or _agreed_at(plan, seat.side) is not None:
        return plan
    content = content_of(plan)
    if not content["items"]:
        raise DomainError(
            "plan_empty",
            _l("The plan has no points yet."),
            remedy=_l("Add at least one, then propose it."),
            clause="5.2",
        )
    require_within(seat, [point.as_facts() for point in points_of(content)])
    with session.no_autoflush:  # the columns of an agreement only make sense together
        if seat.is_leader:
            plan.leader_agreed_at, plan.leader_agreed_by_id = now, actor.require_person()
        else:
            plan.trainee_agreed_at = now
        version = _version(session, plan, content)
        plan.state = PlanState.PROPOSED if version is None else PlanState.AGREED
        if version is not None:
            plan.agreed_number = version.number
    session.flush()
    action = "propose_plan" if version is None else "agree_plan"
    changes = {} if version is None else {"agreed_number": [None, version.number]}
    audit.record(session, actor=actor, now=now, action=action, on=plan, changes=changes)
    _tell_other(session, seat, plan, "plan_proposed" if version is None else "plan_agreed", actor=actor, now=now)
    return plan


def _require_seen(session: Session, plan: IndividualPlan, seen: int | None) -> None:
    """Lock the plan and refuse where its text isn't the one that was looked at."""
    lock_row(session, plan)
    if seen == plan.revision:
        return
    refusal = edited_meanwhile(session, plan, (), plan.revision)
    refusal.message = _l("While you were reading, the text of the plan was changed.")
    refusal.remedy = _l("Read it as it stands now, and agree to that text or change it.")
    raise refusal


def _agreed_at(plan: IndividualPlan, side: Side) -> datetime | None:
    return plan.leader_agreed_at if side is Side.LEADER else plan.trainee_agreed_at


def _version(session: Session, plan: IndividualPlan, content: dict[str, Any]) -> PlanVersion | None:
    """Freeze the text once both have agreed to it."""
    if plan.trainee_agreed_at is None or plan.leader_agreed_at is None or plan.leader_agreed_by_id is None:
        return None
    last = session.scalar(select(func.max(PlanVersion.number)).where(PlanVersion.plan_id == plan.id)) or 0
    version = PlanVersion(
        plan_id=plan.id,
        number=last + 1,
        revision=plan.revision,
        content=content,
        trainee_agreed_at=plan.trainee_agreed_at,
        leader_agreed_at=plan.leader_agreed_at,
        leader_agreed_by_id=plan.leader_agreed_by_id,
        agreed_at=max(plan.trainee_agreed_at, plan.leader_agreed_at),
    )
    session.add(version)
    return version


def _tell_other(
    session: Session, seat: Seat, plan: IndividualPlan, occasion: str, *, actor: Actor, now: datetime
) -> None:
    if seat.is_leader:
        people, path = [seat.trainee.person_id], f"/intakes/{seat.intake.id}/plan"
    else:
        people, path = leaders_of(session, seat.version.programme.site_id), f"/trainees/{seat.trainee.id}/plan"
    facts = {"title": seat.version.title, "trainee": seat.trainee.person.full_name, "name": actor.name}
    turn = f"revision {plan.revision}"
    tell(session, people, occasion=occasion, about=plan, path=path, facts=facts, now=now, turn=turn)


def restore_agreed(
    session: Session, *, trainee_id: int, seen: int | None, actor: Actor, now: datetime
) -> IndividualPlan:
    """Give up a change that isn't agreed: the text is the agreed one again. The side that proposed it is told.

    Raises as ``agree_to_plan``, and Conflict where there is nothing to give up.
    """
    seat = seat_of(session, trainee_id, actor=actor)
    plan = plan_to_change(session, seat)
    _require_seen(session, plan, seen)
    version = held_version(session, plan)
    if version is None or plan.state is PlanState.AGREED:
        raise Conflict(
            "nothing_to_give_up",
            _l("There is no change of an agreed plan that could be given up."),
            remedy=_l("Reload the page to see how things stand."),
        )
    is_proposed_by_other = plan.state is PlanState.PROPOSED and _agreed_at(plan, seat.side) is None
    rows = {item.id: item for item in plan.items}
    for row in rows.values():
        row.position = None
    session.flush()
    points = points_of(version.content)
    for position, point in enumerate(points, start=1):
        row = rows[point.item_id]
        row.position, row.title, row.result, row.hours = position, point.title, point.result, point.hours
        row.starts_on, row.ends_on, row.form = point.starts_on, point.ends_on, point.form
        row.topic_id, row.meeting_id = point.topic_id, point.meeting_id
    plan.aim = version.content["aim"] or None
    plan.revision += 1
    plan.trainee_agreed_at, plan.leader_agreed_at = version.trainee_agreed_at, version.leader_agreed_at
    plan.leader_agreed_by_id, plan.state = version.leader_agreed_by_id, PlanState.AGREED
    session.flush()
    session.refresh(plan, ["items"])
    audit.record(session, actor=actor, now=now, action="give_change_up", on=plan)
    if is_proposed_by_other:
        _tell_other(session, seat, plan, "plan_change_given_up", actor=actor, now=now)
    return plan


def held_version(session: Session, plan: IndividualPlan) -> PlanVersion | None:
    """Return the version of a plan that holds now, or None before the first is agreed."""
    if plan.agreed_number is None:
        return None
    return session.scalar(
        select(PlanVersion).where(PlanVersion.plan_id == plan.id, PlanVersion.number == plan.agreed_number)
    )


def mark_item(
    session: Session, *, trainee_id: int, item_id: int, is_done: bool, actor: Actor, now: datetime
) -> PlanItem:
    """Put down that a point of the agreed plan is done: the trainee says so, the leader confirms; or take it back.

    Common meetings are marked by attendance alone. What the leader confirmed, only the leader takes back. Raises
    NotFound, Forbidden, Conflict.
    """
    seat = seat_of(session, trainee_id, actor=actor)
    plan = plan_to_change(session, seat)
    lock_row(session, plan)
    version = held_version(session, plan)
    if version is None:
        raise Conflict(
            "plan_not_agreed",
            _l("The plan isn't agreed yet."),
            remedy=_l("Points are marked once both sides have agreed to the plan."),
            clause="5.2",
        )
    point = next((one for one in points_of(version.content) if one.item_id == item_id), None)
    item = next((one for one in plan.items if one.id == item_id), None)
    if point is None or item is None:
        raise NotFound("no_such_point", _l("There is no such point in the plan."))
    if point.meeting_id is not None:
        raise Conflict(
            "marked_by_attendance",
            _l("This is a meeting: attendance tells whether it is done."),
            remedy=_l("The leader confirms attendance on the meeting's page."),
            clause="5.2",
        )
    if seat.is_leader:
        values: dict[str, Any] = {
            "done_at": (item.done_at or now) if is_done else None,
            "done_by_id": (item.done_by_id or actor.require_person()) if is_done else None,
        }
        if not is_done:
            values["said_done_at"] = None
    elif item.done_at is not None:
        raise Conflict(
            "confirmed_already",
            _l("The leader has confirmed this point."),
            remedy=_l("If that is a mistake, ask the leader to take it back."),
            clause="5.2",
        )
    else:
        values = {"said_done_at": (item.said_done_at or now) if is_done else None}
    action = "mark_point_done" if is_done else "mark_point_open"
    if any(getattr(item, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(item, name, value)
        session.flush()
        audit.record(session, actor=actor, now=now, action=action, on=plan, changes={"point": [None, point.title]})
    return item
