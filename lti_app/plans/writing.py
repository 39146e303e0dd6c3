"""An individual plan is drawn up and changed by either side (4.2, 5.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_app.core import audit, saving
from lti_app.core.db import is_twin
from lti_app.core.editing import Difference, require_unchanged
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Attendance, Meeting, MeetingState, Presence
from lti_app.plans.content import ItemFacts, PlanFacts, content_of, points_of, text_of
from lti_app.plans.models import IndividualPlan, PlanItem, PlanState, PlanVersion
from lti_app.plans.seats import Seat, enrolled, led_intake, require_under_way, seat_of
from lti_app.programmes.models import Topic

MOST_ITEMS = 100
MOST_HOURS = Decimal(1000)
LONGEST_AIM = 2000


def plan_of(session: Session, trainee_id: int) -> IndividualPlan | None:
    """Return a trainee's plan with its points, those of earlier versions too. Two queries."""
    return session.scalar(
        select(IndividualPlan)
        .where(IndividualPlan.trainee_id == trainee_id)
        .options(selectinload(IndividualPlan.items))
        .execution_options(populate_existing=True)
    )


def plan_to_change(session: Session, seat: Seat) -> IndividualPlan:
    """Return the plan of a place under way. Raises NotFound before it is begun, Conflict."""
    require_under_way(seat)
    plan = plan_of(session, seat.trainee.id)
    if plan is None:
        raise NotFound(
            "no_plan_yet", _l("There is no individual plan yet."), remedy=_l("Draw it up first."), clause="5.2"
        )
    return plan


def begin_plan(
    session: Session, *, trainee_id: int, from_programme: bool, actor: Actor, now: datetime, zone: ZoneInfo
) -> IndividualPlan:
    """Begin a plan: empty, or with the topics of the programme's plan and the meetings of the intake.

    Raises NotFound, Forbidden, Conflict where there is one, or the place is over.
    """
    seat = seat_of(session, trainee_id, actor=actor)
    require_under_way(seat)
    plan = IndividualPlan(trainee_id=trainee_id, state=PlanState.DRAFT, begun_at=now)
    if from_programme:
        facts = programme_items(session, seat, zone)
        plan.items = [_new_item(one, position) for position, one in enumerate(facts, start=1)]
    try:
        with session.begin_nested():
            saving.add(session, plan, actor=actor, now=now, action="begin_plan")
    except IntegrityError as error:
        if not is_twin(error):
            raise
        raise Conflict(
            "plan_there_already",
            _l("This trainee has an individual plan already."),
            remedy=_l("Open it and change it there."),
            clause="5.2",
        ) from error
    return plan


def begin_plans(session: Session, *, intake_id: int, actor: Actor, now: datetime, zone: ZoneInfo) -> int:
    """Begin a plan from the programme's for everybody of an intake who has none; return how many.

    The leader's own place is left out. Raises NotFound, Forbidden (4.1), Conflict.
    """
    led_intake(session, intake_id, actor=actor)
    have = set(
        session.scalars(
            select(IndividualPlan.trainee_id)
            .join(Trainee, Trainee.id == IndividualPlan.trainee_id)
            .where(Trainee.intake_id == intake_id)
        )
    )
    begun = 0
    for trainee in enrolled(session, intake_id):
        if trainee.id not in have and trainee.person_id != actor.person_id:
            begin_plan(session, trainee_id=trainee.id, from_programme=True, actor=actor, now=now, zone=zone)
            begun += 1
    return begun


def programme_items(session: Session, seat: Seat, zone: ZoneInfo) -> list[ItemFacts]:
    """Return the points that follow from the programme's plan: its common meetings, and what hours they leave over."""
    intake = seat.intake
    topics = session.scalars(select(Topic).where(Topic.version_id == intake.version_id).order_by(Topic.position)).all()
    meetings = meetings_for(session, seat)
    items: list[ItemFacts] = []
    for topic in topics:
        own = [meeting for meeting in meetings if meeting.topic_id == topic.id and meeting.only_for_id is None]
        items += [_of_meeting(meeting, topic.title, zone) for meeting in own]
        left = topic.hours - sum((meeting.hours for meeting in own), Decimal(0))
        if left > 0:
            items.append(
                ItemFacts(
                    title=topic.title,
                    starts_on=intake.starts_on,
                    ends_on=intake.ends_on,
                    topic_id=topic.id,
                    form=None if own else topic.form,
                    hours=left,
                    result=topic.control,
                )
            )
    return items[:MOST_ITEMS]


def _of_meeting(meeting: Meeting, title: str, zone: ZoneInfo) -> ItemFacts:
    day = meeting.starts_at.astimezone(zone).date()
    return ItemFacts(
        title=title,
        starts_on=day,
        ends_on=day,
        topic_id=meeting.topic_id,
        form=meeting.form,
        meeting_id=meeting.id,
        hours=meeting.hours,
    )


def meetings_for(session: Session, seat: Seat, *, named: Collection[int] = ()) -> list[Meeting]:
    """Return the meetings that a trainee may come to, with their topics, by time.

    Cancelled ones are left out, but for those ``named`` by their ids: points of a plan that still stand on them.
    """
    meetings = session.scalars(
        select(Meeting)
        .where(
            Meeting.intake_id == seat.intake.id,
            or_(Meeting.state != MeetingState.CANCELLED, Meeting.id.in_(named)),
        )
        .options(joinedload(Meeting.topic))
        .order_by(Meeting.starts_at, Meeting.id)
    )
    return [meeting for meeting in meetings if meeting.is_for(seat.trainee.id)]


def save_plan(
    session: Session,
    *,
    trainee_id: int,
    facts: PlanFacts,
    seen: int | None,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> IndividualPlan:
    """Bring the text of a plan to ``facts``; where it changes, nobody has agreed to it any more.

    Points that are done stay as they are. Raises NotFound, Forbidden, EditedMeanwhile, Conflict, DomainError for days
    outside the intake, topics and meetings of others, and what is too long or too much.
    """
    seat = seat_of(session, trainee_id, actor=actor)
    plan = plan_to_change(session, seat)
    require_unchanged(session, plan, seen, lambda: _compared(plan, facts))
    items = _kept(session, plan, _read(session, seat, facts.items, zone))
    aim = (facts.aim or "").strip() or None
    if aim and len(aim) > LONGEST_AIM:
        raise DomainError(
            "text_too_long", _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST_AIM), field="aim"
        )
    before = content_of(plan)
    plan.aim = aim
    _put_items(session, plan, items)
    after = content_of(plan)
    if before != after:
        plan.state, plan.trainee_agreed_at = PlanState.DRAFT, None
        plan.leader_agreed_at = plan.leader_agreed_by_id = None
        plan.revision += 1
        session.flush()
        audit.record(session, actor=actor, now=now, action="change_plan_text", on=plan, changes=_changes(before, after))
    return plan


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        "aim": [before["aim"], after["aim"]],
        "points": [text_of(points_of(before)), text_of(points_of(after))],
    }
    return {name: pair for name, pair in both.items() if pair[0] != pair[1]}


def _compared(plan: IndividualPlan, facts: PlanFacts) -> list[Difference]:
    stands = content_of(plan)
    pairs = (
        (_l("Aim"), stands["aim"], facts.aim or ""),
        (_l("Points of the plan"), text_of(points_of(stands)), text_of(facts.items)),
    )
    return [Difference(name, theirs, yours) for name, theirs, yours in pairs if theirs != yours]


def _read(session: Session, seat: Seat, items: Sequence[ItemFacts], zone: ZoneInfo) -> list[ItemFacts]:
    """Check what was typed; a meeting's day, form and hours are the meeting's own."""
    if len(items) > MOST_ITEMS:
        raise DomainError(
            "too_many_points",
            _l("The plan has more than %(limit)s points.", limit=MOST_ITEMS),
            remedy=_l("Put points together."),
            field="items",
        )
    topics = set(session.scalars(select(Topic.id).where(Topic.version_id == seat.intake.version_id)))
    meetings = {
        meeting.id: meeting for meeting in session.scalars(select(Meeting).where(Meeting.intake_id == seat.intake.id))
    }
    found = []
    for place, item in enumerate(items, start=1):
        require_fitting(PlanItem, {"title": item.title, "result": item.result})
        if item.topic_id is not None and item.topic_id not in topics:
            raise _wrong(
                place, "topic_of_another", _l("point %(place)s: the topic isn't of this programme", place=place)
            )
        if item.meeting_id is not None:
            meeting = meetings.get(item.meeting_id)
            if meeting is None or not meeting.is_for(seat.trainee.id):
                words = _l("point %(place)s: the meeting isn't of this intake", place=place)
                raise _wrong(place, "meeting_of_another", words)
            found.append(_of_its_meeting(item, meeting, zone))
            continue
        if item.hours is not None and not 0 < item.hours < MOST_HOURS:
            words = _l("point %(place)s: hours are a number above zero", place=place)
            raise _wrong(place, "hours_not_positive", words)
        found.append(item)
    require_within(seat, found)
    return found


def _of_its_meeting(item: ItemFacts, meeting: Meeting, zone: ZoneInfo) -> ItemFacts:
    own = _of_meeting(meeting, item.title, zone)
    return ItemFacts(
        title=own.title,
        starts_on=own.starts_on,
        ends_on=own.ends_on,
        topic_id=own.topic_id,
        form=own.form,
        meeting_id=own.meeting_id,
        hours=own.hours,
        result=item.result,
        item_id=item.item_id,
    )


def require_within(seat: Seat, items: Iterable[ItemFacts]) -> None:
    """Refuse points whose days are turned round or outside the intake. Raises DomainError (5.2)."""
    intake = seat.intake
    for place, item in enumerate(items, start=1):
        if item.ends_on < item.starts_on:
            raise _wrong(place, "dates_backward", _l("point %(place)s: it ends before it begins", place=place))
        if item.starts_on < intake.starts_on or item.ends_on > intake.ends_on:
            words = _l(
                "point %(place)s: its days are outside the intake (%(first)s – %(last)s)",
                place=place,
                first=f"{intake.starts_on:%d.%m.%Y}",
                last=f"{intake.ends_on:%d.%m.%Y}",
            )
            raise _wrong(place, "outside_intake", words)


def _wrong(place: int, code: str, words: Any) -> DomainError:
    return DomainError(
        code,
        _l("The plan can't be kept like this: %(what)s.", what=words),
        remedy=_l("Mend that point."),
        field=f"item_{place}",
        clause="5.2",
    )


def _kept(session: Session, plan: IndividualPlan, items: Sequence[ItemFacts]) -> list[ItemFacts]:
    """Put points that are done back as they stand: what was done isn't rewritten, nor taken out."""
    done = done_items(session, plan)
    standing = {point.item_id: point.as_facts() for point in points_of(content_of(plan)) if point.item_id in done}
    kept = [standing.pop(item.item_id, item) if item.item_id is not None else item for item in items]
    return [*kept, *standing.values()]


def done_items(session: Session, plan: IndividualPlan) -> set[int]:
    """Return the ids of the points that are done: confirmed by the leader, or attended."""
    attended = set(
        session.scalars(
            select(Attendance.meeting_id).where(
                Attendance.trainee_id == plan.trainee_id, Attendance.presence == Presence.PRESENT
            )
        )
    )
    return {item.id for item in plan.items if item.done_at is not None or item.meeting_id in attended}


def _put_items(session: Session, plan: IndividualPlan, items: Sequence[ItemFacts]) -> None:
    rows: dict[int, PlanItem] = {item.id: item for item in plan.items}
    agreed = {
        point.item_id
        for content in session.scalars(select(PlanVersion.content).where(PlanVersion.plan_id == plan.id))
        for point in points_of(content)
    }
    for standing in rows.values():
        standing.position = None  # no two rows may hold one position at any moment
    session.flush()
    used: set[int] = set()
    for position, facts in enumerate(items, start=1):
        row = rows.get(facts.item_id or 0)
        if row is None or row.id in used:  # a row that is named twice is added the second time
            plan.items.append(_new_item(facts, position))
            continue
        used.add(row.id)
        values = _values(facts)
        if any(getattr(row, name) != value for name, value in values.items()):
            row.said_done_at = None
        for name, value in {**values, "position": position}.items():
            setattr(row, name, value)
    for gone in [one for one in rows.values() if one.id not in used and one.id not in agreed]:
        plan.items.remove(gone)
    session.flush()
    session.refresh(plan, ["items"])


def _new_item(facts: ItemFacts, position: int) -> PlanItem:
    return PlanItem(position=position, **_values(facts))


def _values(facts: ItemFacts) -> dict[str, Any]:
    return {
        "topic_id": facts.topic_id,
        "title": facts.title,
        "form": facts.form,
        "starts_on": facts.starts_on,
        "ends_on": facts.ends_on,
        "meeting_id": facts.meeting_id,
        "hours": facts.hours,
        "result": facts.result,
    }
