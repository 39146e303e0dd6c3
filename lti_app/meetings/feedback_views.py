"""Feedback: the form for who was there, what it comes to for the leader, the questions for the centre."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.meetings import feedback
from lti_app.meetings.feedback_questions import LONGEST_QUESTION, MOST, save_questions

blueprint = Blueprint("feedback", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = (
    NavItem("feedback.questions", _l("Feedback questions"), "chat-left-text", Permission.KEEP_FEEDBACK, 48),
)


@blueprint.route("/meetings/<int:meeting_id>/feedback", methods=["GET", "POST"])
@needs(Permission.SIGNED_IN)
def give(meeting_id: int) -> Response:
    """Take the answers of who was at a meeting, without their name."""
    if request.method == "GET":
        return make_response(form_page(meeting_id))
    asked = feedback.questions_in_force(db_session())
    feedback.may_answer(db_session(), meeting_id, actor=actor(), now=now())  # else there is no form to show again
    keep_form(lambda refusal: form_page(meeting_id, refusal))
    feedback.give_feedback(
        db_session(),
        meeting_id=meeting_id,
        marks={question.id: request.form.get(feedback.field_of(question), type=int) for question in asked},
        comment=request.form.get("comment", ""),
        actor=actor(),
        now=now(),
    )
    flash(gettext("Thank you: your answers are kept, without your name."), "success")
    return see_other(url_for("site.home"))


def form_page(meeting_id: int, refusal: DomainError | None = None) -> str:
    """Show the form; after a refusal with what was chosen."""
    return render_template(
        "meetings/feedback.html",
        meeting=feedback.may_answer(db_session(), meeting_id, actor=actor(), now=now()),
        questions=feedback.questions_in_force(db_session()),
        field_of=feedback.field_of,
        scale=feedback.SCALE,
        shown_from=feedback.SHOWN_FROM,
        longest=feedback.LONGEST_COMMENT,
        chosen=request.form,
        refusal=refusal,
    )


@blueprint.get("/meetings/<int:meeting_id>/feedback/summary")
@needs(Permission.RUN_INTAKES)
def summary(meeting_id: int) -> str:
    """Show the leader what the feedback comes to."""
    return render_template(
        "meetings/feedback_summary.html",
        summary=feedback.summary_of(db_session(), meeting_id, actor=actor()),
        scale=feedback.SCALE,
        shown_from=feedback.SHOWN_FROM,
    )


@blueprint.route("/feedback/questions", methods=["GET", "POST"])
@needs(Permission.KEEP_FEEDBACK)
def questions() -> Response:
    """Let the centre word the questions."""
    if request.method == "GET":
        return make_response(questions_page())
    keep_form(questions_page)
    typed = _typed()
    seen = request.form.getlist("seen", type=row_number)
    save_questions(db_session(), typed, seen=seen, actor=actor(), now=now())
    flash(gettext("The questions are saved: the next answers are to them."), "success")
    return see_other(url_for("feedback.questions"))


def questions_page(refusal: DomainError | None = None) -> str:
    """Show the questions as fields; after a refusal as they were typed."""
    current = feedback.questions_in_force(db_session())
    rows = _typed() if refusal else [(question.id, question.text) for question in current]
    return render_template(
        "meetings/feedback_questions.html",
        rows=[*rows, *[(None, "")] * (MOST - len(rows))],
        seen=request.form.getlist("seen") if refusal else [question.id for question in current],
        longest=LONGEST_QUESTION,
        refusal=refusal,
    )


def _typed() -> list[tuple[int | None, str]]:
    return [
        (request.form.get(f"question-{place}", type=row_number), request.form.get(f"text-{place}", ""))
        for place in range(1, MOST + 1)
    ]
