"""Feedback on meetings: given once by who was there, kept without a name; read by the leader from three answers on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, CompoundSelect, exists, or_, select, union
from sqlalchemy.orm import Session, joinedload

from lti_app.core.db import insert_for
from lti_app.core.errors import Conflict, DomainError, Forbidden
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Trainee
from lti_app.meetings.feedback_models import Feedback, FeedbackGiven, FeedbackQuestion
from lti_app.meetings.models import Attendance, JoinLog, Meeting, MeetingGuest, MeetingState, Presence
from lti_app.meetings.onsite_models import Arrival
from lti_app.meetings.planning import LONGEST
from lti_app.meetings.service import find_meeting

SHOWN_FROM = 3
"""Answers from which on they are shown: of fewer, it could be guessed whose they are."""
OPEN_FOR = timedelta(days=14)
"""After a meeting's end feedback is taken for so long."""
SCALE = (1, 2, 3, 4, 5)
LONGEST_COMMENT = 2000


@dataclass(frozen=True)
class QuestionSummary:
    """Sum up the answers to one question: the mean, to a tenth, and how many gave each mark from 1 to 5."""

    text: str
    mean: Decimal
    counts: tuple[int, ...]


@dataclass(frozen=True)
class FeedbackSummary:
    """Sum up the feedback on a meeting; ``answers`` is None while there are fewer than ``SHOWN_FROM``."""

    meeting: Meeting
    answers: int | None
    questions: Sequence[QuestionSummary] = ()
    comments: Sequence[str] = ()
    """In an order that says nothing of who came first."""


@dataclass(frozen=True)
class FeedbackBrief:
    """Hold, for lists of meetings, how many answered and the mean of all their marks, to a tenth."""

    answers: int
    mean: Decimal


def questions_in_force(session: Session) -> list[FeedbackQuestion]:
    """Return the questions of the form in their order."""
    return list(
        session.scalars(
            select(FeedbackQuestion)
            .where(FeedbackQuestion.retired_at.is_(None))
            .order_by(FeedbackQuestion.position, FeedbackQuestion.id)
        )
    )


def may_answer(session: Session, meeting_id: int, *, actor: Actor, now: datetime) -> Meeting:
    """Return the meeting that who acts may answer on.

    Raises NotFound; Forbidden to who has no place in it or wasn't there; Conflict for a cancelled or an individual
    meeting, before its end, after two weeks, and to who has answered.
    """
    meeting = find_meeting(session, meeting_id)
    person_id = actor.require_person()
    if not session.scalar(select(or_(_is_trainee(meeting, person_id), _is_guest(meeting, person_id)))):
        raise Forbidden(
            "not_your_meeting",
            _l("This is not among your meetings."),
            remedy=_l("Feedback is given by the trainees and guests who were at the meeting."),
        )
    _require_open(meeting, now)
    was_there = select(Meeting.id).where(Meeting.id == meeting.id, Meeting.id.in_(_attended_by(person_id)))
    if session.scalar(was_there) is None:
        raise Forbidden(
            "was_not_there",
            _l("Nothing says yet that you were at this meeting."),
            remedy=_l("The form opens to you once the leader has confirmed that you were present."),
        )
    if session.get(FeedbackGiven, (meeting.id, person_id)) is not None:
        raise _given()
    return meeting


def give_feedback(
    session: Session,
    *,
    meeting_id: int,
    marks: Mapping[int, int | None],
    comment: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Keep the answers of who acts, apart from who they are: no name, no time, no audit entry.

    ``marks`` are from 1 to 5 by the question's number. Raises what ``may_answer`` raises, and DomainError where a
    question has no mark or the comment is too long.
    """
    meeting = may_answer(session, meeting_id, actor=actor, now=now)
    questions = questions_in_force(session)
    for question in questions:
        if marks.get(question.id) not in SCALE:
            raise DomainError(
                "answer_missing",
                _l("Choose an answer: “%(question)s”.", question=question.text),
                remedy=_l("From 1, I don't agree at all, to 5, I agree fully."),
                field=field_of(question),
            )
    if len(comment) > LONGEST_COMMENT:
        raise DomainError(
            "text_too_long",
            _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST_COMMENT),
            field="comment",
        )
    first = session.scalar(
        insert_for(session, FeedbackGiven)
        .values(meeting_id=meeting.id, person_id=actor.require_person())
        .on_conflict_do_nothing()
        .returning(FeedbackGiven.meeting_id)
    )
    if first is None:  # the button was pressed twice, and the other press was first
        raise _given()
    answers = {str(question.id): marks[question.id] for question in questions}
    session.add(Feedback(meeting_id=meeting.id, answers=answers, comment=comment.strip() or None))
    session.flush()


def field_of(question: FeedbackQuestion) -> str:
    """Name the form's field of a question."""
    return f"question-{question.id}"


def meetings_to_rate(session: Session, *, person_id: int, now: datetime) -> list[Meeting]:
    """Return the meetings that a person may still answer on, the newest first, with their topics. One query."""
    given = exists().where(FeedbackGiven.meeting_id == Meeting.id, FeedbackGiven.person_id == person_id)
    meetings = session.scalars(
        select(Meeting)
        .where(
            Meeting.id.in_(_attended_by(person_id)),
            Meeting.starts_at > now - OPEN_FOR - timedelta(minutes=LONGEST),
            Meeting.starts_at < now,
            Meeting.state == MeetingState.PLANNED,
            Meeting.only_for_id.is_(None),
            ~given,
        )
        .options(joinedload(Meeting.topic))
        .order_by(Meeting.starts_at.desc(), Meeting.id)
    )
    return [meeting for meeting in meetings if meeting.ends_at <= now < meeting.ends_at + OPEN_FOR]


def summary_of(session: Session, meeting_id: int, *, actor: Actor) -> FeedbackSummary:
    """Sum up the feedback on a meeting. Raises NotFound, Forbidden to who does not lead the site (4.1)."""
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    # By the random key: the same at each look, and of no meaning.
    rows = session.scalars(select(Feedback).where(Feedback.meeting_id == meeting.id).order_by(Feedback.id)).all()
    if len(rows) < SHOWN_FROM:
        return FeedbackSummary(meeting, None)
    marks: dict[int, Counter[int]] = {}
    for row in rows:
        for number, mark in row.answers.items():
            marks.setdefault(int(number), Counter())[mark] += 1
    questions = session.scalars(
        select(FeedbackQuestion)
        .where(FeedbackQuestion.id.in_(marks))
        .order_by(FeedbackQuestion.retired_at.is_not(None), FeedbackQuestion.position, FeedbackQuestion.id)
    )
    return FeedbackSummary(
        meeting,
        len(rows),
        # A question that only one or two were asked, since it was new then, is not shown either.
        [
            QuestionSummary(
                question.text,
                _mean(marks[question.id].elements()),
                tuple(marks[question.id][mark] for mark in SCALE),
            )
            for question in questions
            if marks[question.id].total() >= SHOWN_FROM
        ],
        [row.comment for row in rows if row.comment],
    )


def feedback_of(session: Session, meeting_ids: Collection[int]) -> dict[int, FeedbackBrief]:
    """Return what may be shown of the feedback on meetings, for those with enough answers. One query.

    The caller asks who looks: it is the leader's to see (4.2).
    """
    found: dict[int, list[dict[str, int]]] = {}
    for meeting_id, answers in session.execute(
        select(Feedback.meeting_id, Feedback.answers).where(Feedback.meeting_id.in_(meeting_ids))
    ):
        found.setdefault(meeting_id, []).append(answers)
    return {
        meeting_id: FeedbackBrief(len(rows), _mean(mark for answers in rows for mark in answers.values()))
        for meeting_id, rows in found.items()
        if len(rows) >= SHOWN_FROM
    }


def _mean(marks: Iterable[int]) -> Decimal:
    known = list(marks)
    return (Decimal(sum(known)) / len(known)).quantize(Decimal("0.1"), ROUND_HALF_UP) if known else Decimal(0)


def _attended_by(person_id: int) -> CompoundSelect[int]:
    """Select the meetings at which somebody was, by the leader's word or by having come; as a trainee or a guest."""
    return union(
        select(Arrival.meeting_id)
        .join(Trainee, Trainee.id == Arrival.trainee_id)
        .where(Trainee.person_id == person_id),
        select(Arrival.meeting_id)
        .join(MeetingGuest, MeetingGuest.id == Arrival.guest_id)
        .where(MeetingGuest.person_id == person_id),
        select(Attendance.meeting_id)
        .join(Trainee, Trainee.id == Attendance.trainee_id)
        .where(Trainee.person_id == person_id, Attendance.presence == Presence.PRESENT),
        select(JoinLog.meeting_id)
        .join(Trainee, Trainee.id == JoinLog.trainee_id)
        .where(Trainee.person_id == person_id),
        select(MeetingGuest.meeting_id).where(
            MeetingGuest.person_id == person_id, MeetingGuest.presence == Presence.PRESENT
        ),
        select(JoinLog.meeting_id)
        .join(MeetingGuest, MeetingGuest.id == JoinLog.guest_id)
        .where(MeetingGuest.person_id == person_id),
    )


def _is_trainee(meeting: Meeting, person_id: int) -> ColumnElement[bool]:
    place = [Trainee.intake_id == meeting.intake_id, Trainee.person_id == person_id]
    if meeting.only_for_id is not None:
        place.append(Trainee.id == meeting.only_for_id)
    return exists().where(*place)


def _is_guest(meeting: Meeting, person_id: int) -> ColumnElement[bool]:
    return exists().where(MeetingGuest.meeting_id == meeting.id, MeetingGuest.person_id == person_id)


def _require_open(meeting: Meeting, now: datetime) -> None:
    if meeting.state is MeetingState.CANCELLED:
        raise Conflict("meeting_cancelled", _l("This meeting has been cancelled."))
    if meeting.only_for_id is not None:
        raise Conflict(
            "feedback_on_one",
            _l("No feedback is collected on a meeting with one trainee: it could not be anonymous."),
            remedy=_l("Tell the leader directly."),
        )
    if now < meeting.ends_at:
        raise Conflict(
            "feedback_not_yet",
            _l("This meeting has not ended yet."),
            remedy=_l("The form opens with its end and stays open for two weeks."),
        )
    if now >= meeting.ends_at + OPEN_FOR:
        raise Conflict("feedback_over", _l("Feedback on this meeting was taken for two weeks after its end."))


def _given() -> Conflict:
    return Conflict(
        "feedback_given",
        _l("You have given feedback on this meeting already."),
        remedy=_l("Answers are kept without a name, so that they can't be found again and changed."),
    )
