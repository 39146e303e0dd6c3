"""Feedback on meetings: the questions, answers without a name, and apart from them who has answered."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lti_app.core.db import Base
from lti_app.core.types import UtcDateTime
from lti_app.meetings.models import Meeting
from lti_app.people.models import Person


class FeedbackQuestion(Base):
    """Keep a question of the feedback form. Answers keep its number, so a changed text is a question of its own."""

    __tablename__ = "feedback_question"
    __table_args__ = (CheckConstraint("position > 0", name="position_positive"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(comment="1, 2 …: order on the form")
    text: Mapped[str] = mapped_column(String(200), comment="a statement to agree with, from 1 to 5")
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="asked no more from then on")


class Feedback(Base):
    """Keep somebody's answers on a meeting: without a name, without a time, in no order.

    The key is random, and SQLite's table is sorted by it: neither tells which answer came first.
    """

    __tablename__ = "feedback"
    __table_args__ = ({"sqlite_with_rowid": False},)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()), comment="random")
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id), index=True)
    answers: Mapped[dict[str, Any]] = mapped_column(comment="number of the question: 1 to 5")
    comment: Mapped[str | None] = mapped_column(Text)


class FeedbackGiven(Base):
    """Keep that a person has answered on a meeting, so that nobody answers twice; not what."""

    __tablename__ = "feedback_given"
    __table_args__ = ({"sqlite_with_rowid": False},)

    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), primary_key=True, index=True)
