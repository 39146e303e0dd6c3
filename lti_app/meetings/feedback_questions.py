"""The questions of the feedback form, which the centre words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor, Permission
from lti_app.meetings.feedback_models import FeedbackQuestion

MOST = 7
"""Questions on a form that people still fill in on a phone."""
LONGEST_QUESTION = 200


def save_questions(
    session: Session,
    rows: Sequence[tuple[int | None, str]],
    *,
    seen: Sequence[int],
    actor: Actor,
    now: datetime,
) -> None:
    """Let the form ask ``rows``: number of the question, None for a new one, and its text; empty ones are left out.

    A question whose text is changed is retired and asked as a new one, so that answers stay with what was asked.
    ``seen`` are the numbers that the form was filled from. Raises Forbidden; Conflict where others are in force by now;
    DomainError for none, too many, one that is too long or stands there twice.
    """
    actor.require(Permission.KEEP_FEEDBACK)
    wanted = [(number, " ".join(text.split())) for number, text in rows]
    _check([text for _number, text in wanted])
    current = {
        question.id: question
        for question in session.scalars(
            select(FeedbackQuestion)
            .where(FeedbackQuestion.retired_at.is_(None))
            .order_by(FeedbackQuestion.id)
            .with_for_update()
        )
    }
    if set(seen) != set(current):
        raise Conflict(
            "questions_changed",
            _l("Somebody else has changed the questions meanwhile."),
            remedy=_l("Open the page anew and make your changes there."),
        )
    kept: set[int] = set()
    for position, (number, text) in enumerate([row for row in wanted if row[1]], start=1):
        known = current.get(number) if number is not None else None
        if known is not None and known.text == text:
            kept.add(known.id)
            saving.change(session, known, {"position": position}, actor=actor, now=now, action="move_feedback_question")
        else:
            made = FeedbackQuestion(position=position, text=text)
            saving.add(session, made, actor=actor, now=now, action="add_feedback_question")
    for number, question in current.items():
        if number not in kept:
            saving.change(
                session, question, {"retired_at": now}, actor=actor, now=now, action="retire_feedback_question"
            )


def _check(texts: Sequence[str]) -> None:
    asked = [text for text in texts if text]
    if not asked:
        raise DomainError(
            "no_questions", _l("The form needs a question at least."), remedy=_l("Fill in a line."), field="text-1"
        )
    if len(asked) > MOST:
        raise DomainError("too_many_questions", _l("The form has %(most)s questions at most.", most=MOST))
    for place, text in enumerate(texts, start=1):
        if len(text) > LONGEST_QUESTION:
            raise DomainError(
                "text_too_long",
                _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST_QUESTION),
                field=f"text-{place}",
            )
        if text and text in texts[: place - 1]:
            raise DomainError(
                "question_twice",
                _l("This question stands in the form twice."),
                remedy=_l("Leave one of them out."),
                field=f"text-{place}",
            )
