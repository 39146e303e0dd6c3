"""Individual plans and the texts that both sides agreed on, consultations, competences rated (4.2, 5.2, 6.1)."""

from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.types import Hours, UtcDateTime, enum_type
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Meeting
from lti_app.people.models import Person
from lti_app.programmes.models import Competence, Form, Mode, Topic


class Side(enum.StrEnum):
    """Name the two who agree on a plan and rate competences."""

    TRAINEE = "trainee"
    LEADER = "leader"


class PlanState(enum.StrEnum):
    """Say where the text of a plan stands; an agreed one holds until the next is agreed."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    """One side has agreed to it, the other is asked."""
    AGREED = "agreed"


class IndividualPlan(Base, Revised):
    """Keep the individual plan of one trainee as it is being written (5.2); what was agreed stands in its versions.

    ``revision`` counts its texts. The times of agreement are of the very text that stands here: a change clears both.
    """

    __tablename__ = "individual_plan"
    __table_args__ = (
        CheckConstraint(
            "(state = 'agreed') = (trainee_agreed_at IS NOT NULL AND leader_agreed_at IS NOT NULL)",
            name="agreed_by_both",
        ),
        CheckConstraint(
            "(state = 'draft') = (trainee_agreed_at IS NULL AND leader_agreed_at IS NULL)", name="draft_by_nobody"
        ),
        CheckConstraint("state <> 'agreed' OR agreed_number IS NOT NULL", name="agreed_has_version"),
        CheckConstraint("(leader_agreed_at IS NULL) = (leader_agreed_by_id IS NULL)", name="leader_named"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), unique=True)
    aim: Mapped[str | None] = mapped_column(Text)
    state: Mapped[PlanState] = mapped_column(enum_type(PlanState, "state"))
    agreed_number: Mapped[int | None] = mapped_column(comment="number of the version that holds now")
    trainee_agreed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="to the text as it stands")
    leader_agreed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="to the text as it stands")
    leader_agreed_by_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)

    trainee: Mapped[Trainee] = relationship()
    items: Mapped[list[PlanItem]] = relationship(
        back_populates="plan", order_by="(PlanItem.position, PlanItem.id)", cascade="all, delete-orphan"
    )


class PlanItem(Base):
    """Keep a point of a plan: a meeting to come to, or work of one's own. Its marks hold in every version."""

    __tablename__ = "plan_item"
    __table_args__ = (
        UniqueConstraint("plan_id", "position"),
        CheckConstraint("position IS NULL OR position > 0", name="position_positive"),
        CheckConstraint("ends_on >= starts_on", name="dates_forward"),
        CheckConstraint("hours IS NULL OR hours > 0", name="hours_positive"),
        CheckConstraint("(done_at IS NULL) = (done_by_id IS NULL)", name="done_by_somebody"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey(IndividualPlan.id))
    position: Mapped[int | None] = mapped_column(comment="1, 2 …; empty: only in versions agreed before")
    topic_id: Mapped[int | None] = mapped_column(ForeignKey(Topic.id), index=True)
    title: Mapped[str] = mapped_column(String(500))
    form: Mapped[Form | None] = mapped_column(enum_type(Form, "form"), comment="empty: independent work")
    starts_on: Mapped[date] = mapped_column(comment="local date")
    ends_on: Mapped[date] = mapped_column(comment="local date, last day")
    meeting_id: Mapped[int | None] = mapped_column(
        ForeignKey(Meeting.id), index=True, comment="a meeting to come to; attendance tells whether it is done"
    )
    hours: Mapped[Decimal | None] = mapped_column(Hours, comment="academic hours in hundredths")
    result: Mapped[str | None] = mapped_column(String(500), comment="what is handed in")
    said_done_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="the trainee says so")
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="the leader confirmed; not of meetings")
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id))

    plan: Mapped[IndividualPlan] = relationship(back_populates="items")
    topic: Mapped[Topic | None] = relationship()
    meeting: Mapped[Meeting | None] = relationship()


class PlanVersion(Base):
    """Keep a text of a plan that both sides agreed on, with the time of each. Rows are only added."""

    __tablename__ = "plan_version"
    __table_args__ = (
        UniqueConstraint("plan_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("agreed_at >= trainee_agreed_at AND agreed_at >= leader_agreed_at", name="agreed_last"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey(IndividualPlan.id))
    number: Mapped[int] = mapped_column(comment="1, 2 … within the plan")
    revision: Mapped[int] = mapped_column(comment="of the plan, to whose text both agreed")
    content: Mapped[dict[str, Any]] = mapped_column(comment="frozen: aim, and items with the ids of their rows")
    trainee_agreed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leader_agreed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leader_agreed_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="the later of both")

    plan: Mapped[IndividualPlan] = relationship()
    leader_agreed_by: Mapped[Person] = relationship()


class ConsultationState(enum.StrEnum):
    """Say where a consultation stands; whether it was held says its meeting's attendance."""

    ASKED = "asked"
    OFFERED = "offered"
    """The leader proposes a time; the trainee is asked."""
    AGREED = "agreed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


OPEN_CONSULTATIONS = (ConsultationState.ASKED, ConsultationState.OFFERED)


class Consultation(Base):
    """Keep a question of a trainee, the leader's answer, and the individual meeting that came of it (4.2)."""

    __tablename__ = "consultation"
    __table_args__ = (
        CheckConstraint(
            "(state = 'agreed' AND meeting_id IS NOT NULL) OR state = 'withdrawn'"
            " OR (state <> 'agreed' AND meeting_id IS NULL)",
            name="agreed_has_meeting",
        ),
        CheckConstraint("state <> 'declined' OR answer IS NOT NULL", name="declined_has_reason"),
        CheckConstraint(
            "state <> 'offered' OR (starts_at IS NOT NULL AND minutes IS NOT NULL AND mode IS NOT NULL)",
            name="offer_has_time",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), index=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey(Topic.id), index=True)
    question: Mapped[str] = mapped_column(String(2000))
    wished: Mapped[str | None] = mapped_column(String(500), comment="times that would suit, as the trainee wrote them")
    state: Mapped[ConsultationState] = mapped_column(enum_type(ConsultationState, "state"))
    answer: Mapped[str | None] = mapped_column(String(1000), comment="the leader's; why it was declined")
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="offered by the leader, until agreed")
    minutes: Mapped[int | None] = mapped_column(comment="offered length")
    mode: Mapped[Mode | None] = mapped_column(enum_type(Mode, "mode"), comment="offered")
    place_or_url: Mapped[str | None] = mapped_column(String(1000), comment="offered place, or link at a distance")
    meeting_id: Mapped[int | None] = mapped_column(ForeignKey(Meeting.id), unique=True)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id), comment="the trainee, or who set it unasked")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id))

    trainee: Mapped[Trainee] = relationship()
    topic: Mapped[Topic] = relationship()
    meeting: Mapped[Meeting | None] = relationship()


class RatingMoment(enum.StrEnum):
    """Say when a competence is rated: the change between both is the dynamics (6.1)."""

    START = "start"
    END = "end"


class CompetenceRating(Base):
    """Keep how one side rates a trainee's competence at a moment, on the programme's scale."""

    __tablename__ = "competence_rating"
    __table_args__ = (
        UniqueConstraint("trainee_id", "competence_id", "moment", "side"),
        CheckConstraint("value >= 0 AND value < 10", name="value_on_a_scale"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id))
    competence_id: Mapped[int] = mapped_column(ForeignKey(Competence.id), index=True)
    moment: Mapped[RatingMoment] = mapped_column(enum_type(RatingMoment, "moment"))
    side: Mapped[Side] = mapped_column(enum_type(Side, "side"))
    value: Mapped[int] = mapped_column(comment="place on the scale, 0 the lowest")
    rated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rated_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))
