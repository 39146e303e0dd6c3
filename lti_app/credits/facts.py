"""What the rule and the pages rest on: an intake with its plan, meetings, trainees and marks, in five queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import ScalarSelect, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from lti_app.core.types import Hours
from lti_app.credits import rules
from lti_app.credits.models import CreditEntry, CreditProposal, EntryKind, ProposalState
from lti_app.credits.rules import Completion, Demand, Standing, Visit
from lti_app.intakes.models import Intake, MoodleProgress, Trainee, TraineeState
from lti_app.meetings.models import Attendance, Meeting, MeetingState, Presence
from lti_app.people.models import Organisation, Person, full_name
from lti_app.programmes.models import Programme, ProgrammeVersion, Topic
from lti_app.sites.models import Site

SIGNED_HOURS = case((CreditEntry.kind == EntryKind.CREDIT, CreditEntry.hours), else_=-CreditEntry.hours)
"""Hours of an entry with their sign: a reversal takes them back."""


@dataclass(frozen=True)
class Mark:
    """Say what the leader confirmed of one trainee at one meeting, who and when (UTC)."""

    presence: Presence
    confirmed_at: datetime
    confirmed_by_id: int
    confirmed_by: str


@dataclass(frozen=True)
class OpenProposal:
    """Say what is proposed for a trainee now. Hours."""

    id: int
    hours: Decimal
    evidence: dict[str, Any]
    proposed_at: datetime


@dataclass(frozen=True)
class TraineeFacts:
    """Say everything that bears on one trainee's credit. Hours; ``marks`` maps meeting id to the leader's word."""

    trainee_id: int
    person: Person
    organisation: str | None
    state: TraineeState
    completion: Completion | None
    """What Moodle told of the course's activities; None where the programme doesn't ask for them."""
    credited: Decimal
    proposal: OpenProposal | None
    marks: dict[int, Mark]
    standing: Standing
    due: Decimal
    """Hours to propose; 0 while something is missing or all is credited, and for those who left."""
    can_still_reach: bool
    basis: dict[str, Any]
    """What credit rests on now, to be compared with what it rested on before (``basis_of``)."""
    is_taken_back: bool
    """Hours are due, but the last reversal was made on just this basis: new facts or the leader's word are needed."""


@dataclass(frozen=True)
class IntakeFacts:
    """Say everything that bears on the credits of one intake; topics by position, meetings by time.

    Read for one person, it holds no individual meetings of others.
    """

    intake: Intake
    topics: tuple[Topic, ...]
    meetings: tuple[Meeting, ...]
    trainees: tuple[TraineeFacts, ...]

    @cached_property
    def demand(self) -> Demand:
        """Return what the version demands."""
        return demand_of(self.intake.version, self.topics)

    @cached_property
    def hours_scheduled(self) -> Decimal:
        """Return the hours that somebody would have who came to every common meeting of the schedule."""
        held = [
            _visit(meeting)
            for meeting in self.meetings
            if meeting.state is not MeetingState.CANCELLED and meeting.only_for_id is None
        ]
        return sum(rules.counted(self.demand, held)[1].values(), rules.NONE)

    @property
    def falling_behind(self) -> set[int]:
        """Return the ids of trainees who can't reach the needed hours any more, though the schedule offers enough.

        Where it doesn't, meetings are missing in the schedule and nobody is to blame.
        """
        if self.hours_scheduled < self.demand.needed:
            return set()
        return {trainee.trainee_id for trainee in self.enrolled if not trainee.can_still_reach}

    @property
    def enrolled(self) -> list[TraineeFacts]:
        """Return the trainees who have a place now."""
        return [trainee for trainee in self.trainees if trainee.state is TraineeState.ENROLLED]


def demand_of(version: ProgrammeVersion, topics: Sequence[Topic]) -> Demand:
    """Return what ``version`` with ``topics`` demands, as the rule needs it."""
    return Demand(
        total=version.hours,
        needed=version.hours_needed,
        needs_completion=version.needs_completion,
        topic_hours={topic.id: topic.hours for topic in topics},
    )


def basis_of(standing: Standing, marks: dict[int, Mark], completion: Completion | None) -> dict[str, Any]:
    """Return what credit rests on, as JSON: for each meeting that was attended, by its id, the hours that count and
    the time of the leader's word; and the completion that the programme asks for, or None.
    """
    return {
        "meetings": {
            str(meeting_id): [f"{hours.normalize():f}", marks[meeting_id].confirmed_at.isoformat()]
            for meeting_id, hours in standing.by_meeting.items()
        },
        "completion": None if completion is None else [completion.done, completion.total],
    }


def credited_sum() -> ScalarSelect[Decimal]:
    """Return a subquery, correlated to Trainee: the trainee's credited hours net of reversals."""
    return (
        select(func.coalesce(func.sum(SIGNED_HOURS, type_=Hours()), 0, type_=Hours()))
        .where(CreditEntry.trainee_id == Trainee.id)
        .correlate(Trainee)
        .scalar_subquery()
    )


def last_reversal() -> ScalarSelect[dict[str, Any]]:
    """Return a subquery, correlated to Trainee: the evidence of the trainee's last reversal, or NULL."""
    return (
        select(CreditEntry.evidence)
        .where(CreditEntry.trainee_id == Trainee.id, CreditEntry.kind == EntryKind.REVERSAL)
        .order_by(CreditEntry.id.desc())
        .limit(1)
        .correlate(Trainee)
        .scalar_subquery()
    )


def load_facts(session: Session, intake_ids: Sequence[int], *, person_id: int | None = None) -> dict[int, IntakeFacts]:
    """Read the facts of ``intake_ids`` in five queries, whatever the number of trainees and meetings.

    ``person_id`` keeps the reading to one person's place. Intakes that don't exist are left out.
    """
    intakes = session.scalars(
        select(Intake)
        .where(Intake.id.in_(intake_ids))
        .options(
            joinedload(Intake.moodle),
            joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site)
            .joinedload(Site.organisation),
        )
        .order_by(Intake.id)
    ).all()
    topics = _topics(session, {intake.version_id for intake in intakes})
    meetings = _meetings(session, intake_ids, person_id)
    marks = _marks(session, intake_ids, person_id)
    rows = _trainee_rows(session, intake_ids, person_id)
    facts: dict[int, IntakeFacts] = {}
    for intake in intakes:
        plan = tuple(topics.get(intake.version_id, ()))
        demand = demand_of(intake.version, plan)
        own_meetings = tuple(meetings.get(intake.id, ()))
        people = tuple(
            _trainee_facts(row, demand, own_meetings, marks.get(row.trainee_id, {})) for row in rows.get(intake.id, ())
        )
        facts[intake.id] = IntakeFacts(intake=intake, topics=plan, meetings=own_meetings, trainees=people)
    return facts


def visits_of(meetings: Sequence[Meeting], marks: dict[int, Mark]) -> list[Visit]:
    """Return the meetings that were held and that the leader confirmed presence at."""
    return [
        _visit(meeting)
        for meeting in meetings
        if meeting.state is not MeetingState.CANCELLED
        and (mark := marks.get(meeting.id)) is not None
        and mark.presence is Presence.PRESENT
    ]


def _visit(meeting: Meeting) -> Visit:
    return Visit(meeting_id=meeting.id, topic_id=meeting.topic_id, starts_at=meeting.starts_at, hours=meeting.hours)


@dataclass(frozen=True)
class _TraineeRow:
    trainee_id: int
    state: TraineeState
    person: Person
    organisation: str | None
    completion: Completion | None
    proposal: OpenProposal | None
    credited: Decimal
    reversal: dict[str, Any] | None


def _trainee_facts(
    row: _TraineeRow, demand: Demand, meetings: Sequence[Meeting], marks: dict[int, Mark]
) -> TraineeFacts:
    meetings = [meeting for meeting in meetings if meeting.is_for(row.trainee_id)]
    marks = {meeting.id: marks[meeting.id] for meeting in meetings if meeting.id in marks}
    visits = visits_of(meetings, marks)
    completion = row.completion if demand.needs_completion else None
    standing = rules.assess(demand, visits, completion)
    # What the leader hasn't decided may still become hours, even if the meeting is over.
    open_meetings = [m for m in meetings if m.state is not MeetingState.CANCELLED and m.id not in marks]
    due = rules.hours_due(demand, standing, row.credited) if row.state is TraineeState.ENROLLED else rules.NONE
    basis = basis_of(standing, marks, completion)
    return TraineeFacts(
        trainee_id=row.trainee_id,
        person=row.person,
        organisation=row.organisation,
        state=row.state,
        completion=completion,
        credited=row.credited,
        proposal=row.proposal,
        marks=marks,
        standing=standing,
        due=due,
        can_still_reach=rules.can_still_reach(demand, visits, [_visit(meeting) for meeting in open_meetings]),
        basis=basis,
        is_taken_back=due > 0 and row.proposal is None and (row.reversal or {}).get("basis") == basis,
    )


def _topics(session: Session, version_ids: set[int]) -> dict[int, list[Topic]]:
    found: dict[int, list[Topic]] = {}
    for topic in session.scalars(select(Topic).where(Topic.version_id.in_(version_ids)).order_by(Topic.position)):
        found.setdefault(topic.version_id, []).append(topic)
    return found


def _meetings(session: Session, intake_ids: Sequence[int], person_id: int | None) -> dict[int, list[Meeting]]:
    query = (
        select(Meeting)
        .outerjoin(Meeting.only_for)
        .outerjoin(Trainee.person)
        .where(Meeting.intake_id.in_(intake_ids))
        .options(joinedload(Meeting.topic), contains_eager(Meeting.only_for).contains_eager(Trainee.person))
        .order_by(Meeting.starts_at, Meeting.id)
    )
    if person_id is not None:
        query = query.where(or_(Meeting.only_for_id.is_(None), Trainee.person_id == person_id))
    found: dict[int, list[Meeting]] = {}
    for meeting in session.scalars(query):
        found.setdefault(meeting.intake_id, []).append(meeting)
    return found


def _marks(session: Session, intake_ids: Sequence[int], person_id: int | None) -> dict[int, dict[int, Mark]]:
    query = (
        select(
            Attendance.trainee_id,
            Attendance.meeting_id,
            Attendance.presence,
            Attendance.confirmed_at,
            Attendance.confirmed_by_id,
            Person.last_name,
            Person.first_name,
            Person.middle_name,
        )
        .join(Meeting, Meeting.id == Attendance.meeting_id)
        .join(Person, Person.id == Attendance.confirmed_by_id)
        .where(Meeting.intake_id.in_(intake_ids))
    )
    if person_id is not None:
        query = query.join(Trainee, Trainee.id == Attendance.trainee_id).where(Trainee.person_id == person_id)
    found: dict[int, dict[int, Mark]] = {}
    for trainee, meeting, presence, at, by_id, last_name, first_name, middle_name in session.execute(query):
        by = full_name(last_name, first_name, middle_name)
        found.setdefault(trainee, {})[meeting] = Mark(presence, at, by_id, by)
    return found


def _trainee_rows(session: Session, intake_ids: Sequence[int], person_id: int | None) -> dict[int, list[_TraineeRow]]:
    employer = aliased(Organisation)
    query = (
        select(Trainee.intake_id, Trainee.id, Trainee.state, Person, employer, MoodleProgress, CreditProposal)
        .add_columns(credited_sum(), last_reversal())
        .join(Person, Person.id == Trainee.person_id)
        .outerjoin(employer, employer.id == Person.organisation_id)
        .outerjoin(MoodleProgress, MoodleProgress.trainee_id == Trainee.id)
        .outerjoin(
            CreditProposal,
            and_(CreditProposal.trainee_id == Trainee.id, CreditProposal.state == ProposalState.OPEN),
        )
        .where(Trainee.intake_id.in_(intake_ids))
        .order_by(Person.last_name, Person.first_name, Trainee.id)
        .execution_options(populate_existing=True)
    )
    if person_id is not None:
        query = query.where(Trainee.person_id == person_id)
    found: dict[int, list[_TraineeRow]] = {}
    for intake_id, row_id, state, person, organisation, progress, proposal, *sums in session.execute(query):
        found.setdefault(intake_id, []).append(
            _TraineeRow(
                trainee_id=row_id,
                state=state,
                person=person,
                organisation=organisation.label if organisation else None,
                completion=_completion(progress),
                proposal=_open_proposal(proposal),
                credited=sums[0],
                reversal=sums[1],
            )
        )
    return found


def _completion(progress: MoodleProgress | None) -> Completion | None:
    if progress is None:
        return None
    return Completion(done=progress.activities_complete, total=progress.activities_total, read_at=progress.read_at)


def _open_proposal(proposal: CreditProposal | None) -> OpenProposal | None:
    if proposal is None:
        return None
    return OpenProposal(
        id=proposal.id, hours=proposal.hours, evidence=proposal.evidence, proposed_at=proposal.proposed_at
    )
