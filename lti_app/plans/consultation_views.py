"""Consultations as the trainee asks for them and the leader answers (4.2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.paging import asked_page, page_of
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.places import site_of
from lti_app.meetings.models import Meeting
from lti_app.meetings.planning import LONGEST, from_local
from lti_app.plans.clashes import clashes_of
from lti_app.plans.consultations import of_intake, of_trainee, topics_of
from lti_app.plans.consulting import (
    Terms,
    accept_consultation,
    agree_consultation,
    ask_consultation,
    consultation_to_answer,
    decline_consultation,
    offer_consultation,
    set_consultation,
    withdraw_consultation,
)
from lti_app.plans.models import Consultation, Side
from lti_app.plans.seats import Seat, enrolled, led_intake, led_seat, own_seat, seat_of
from lti_app.plans.words import CONSULTATION_STATES
from lti_app.programmes.models import MODE_NAMES, Mode

blueprint = Blueprint("consultations", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
USUAL_MINUTES = 45


@blueprint.route("/intakes/<int:intake_id>/consultations", methods=["GET", "POST"])
@needs(Permission.SIGNED_IN)
def index(intake_id: int) -> Response:
    """Show the consultations of an intake to its leader, their own to a trainee (``?as=trainee`` where both); ask."""
    if request.method == "POST":
        return ask(intake_id)
    leads = site_of(db_session(), intake_id) in actor().led_site_ids
    if leads and request.args.get("as") != "trainee":
        return make_response(leader_page(intake_id))
    return make_response(trainee_page(intake_id))


def leader_page(intake_id: int) -> str:
    """Show the leader what is asked and what was agreed."""
    intake = led_intake(db_session(), intake_id, actor=actor())
    lines = of_intake(db_session(), intake_id, now=now())
    return render_template(
        "plans/consultations_leader.html",
        intake=intake,
        waiting=[line for line in lines if line.is_open],
        page=page_of([line for line in lines if not line.is_open], request.args.get("page", type=asked_page)),
        states=CONSULTATION_STATES,
        mode_names=MODE_NAMES,
    )


def trainee_page(intake_id: int, refusal: DomainError | None = None) -> str:
    """Show a trainee their consultations, and the form that asks for one."""
    seat = own_seat(db_session(), intake_id, actor=actor())
    return render_template(
        "plans/consultations_trainee.html",
        seat=seat,
        lines=of_trainee(db_session(), seat.trainee.id, now=now()),
        topics=topics_of(db_session(), seat.version.id),
        typed=request.form if request.method == "POST" else {"topic": request.args.get("topic", "")},
        refusal=refusal,
        states=CONSULTATION_STATES,
        mode_names=MODE_NAMES,
    )


def ask(intake_id: int) -> Response:
    """Ask for a consultation, as a trainee."""
    keep_form(lambda refusal: trainee_page(intake_id, refusal))
    ask_consultation(
        db_session(),
        intake_id=intake_id,
        topic_id=request.form.get("topic", type=row_number),
        question=request.form.get("question", ""),
        wished=request.form.get("wished", ""),
        actor=actor(),
        now=now(),
    )
    flash(gettext("The question is with the leader. You will be told of the answer."), "success")
    return see_other(url_for("consultations.index", intake_id=intake_id) + "?as=trainee")


@blueprint.route("/intakes/<int:intake_id>/consultations/new", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def new(intake_id: int) -> Response:
    """Set a consultation that nobody asked for."""
    if request.method == "GET":
        return make_response(new_page(intake_id))
    keep_form(lambda refusal: new_page(intake_id, refusal))
    led_intake(db_session(), intake_id, actor=actor())
    trainee_id = request.form.get("trainee", type=row_number)
    if trainee_id is None:
        raise DomainError(
            "nothing_chosen", _l("No trainee is chosen."), remedy=_l("Choose the trainee."), field="trainee"
        )
    made = set_consultation(
        db_session(),
        trainee_id=trainee_id,
        topic_id=request.form.get("topic", type=row_number),
        question=request.form.get("question", ""),
        terms=read_terms(),
        actor=actor(),
        now=now(),
        zone=tool().settings.zone,
    )
    say_set(led_seat(db_session(), trainee_id, actor=actor()), made)
    return see_other(url_for("consultations.index", intake_id=intake_id))


def new_page(intake_id: int, refusal: DomainError | None = None) -> str:
    """Show the form of a consultation that nobody asked for."""
    intake = led_intake(db_session(), intake_id, actor=actor())
    return render_template(
        "plans/consultation_new.html",
        intake=intake,
        trainees=[one for one in enrolled(db_session(), intake_id) if one.person_id != actor().person_id],
        topics=topics_of(db_session(), intake.version_id),
        typed=typed_terms({"trainee": request.args.get("trainee", "")}),
        refusal=refusal,
        mode_names=MODE_NAMES,
        longest=LONGEST,
    )


@blueprint.route("/consultations/<int:consultation_id>", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def answer(consultation_id: int) -> Response:
    """Answer a question: agree to a time, offer another one, or decline."""
    if request.method == "GET":
        return make_response(answer_page(consultation_id))
    keep_form(lambda refusal: answer_page(consultation_id, refusal))
    session, words, step = db_session(), request.form.get("answer", ""), request.form.get("do")
    if step == "decline":
        asked = decline_consultation(session, consultation_id=consultation_id, reason=words, actor=actor(), now=now())
        flash(gettext("Declined. The trainee is told why."), "success")
    else:
        verb = offer_consultation if step == "offer" else agree_consultation
        asked = verb(
            session,
            consultation_id=consultation_id,
            terms=read_terms(),
            answer=words,
            actor=actor(),
            now=now(),
            zone=tool().settings.zone,
        )
        if step == "offer":
            flash(gettext("The time is offered. The trainee is told and accepts it, or not."), "success")
        else:
            say_set(led_seat(session, asked.trainee_id, actor=actor()), asked)
    intake_id = led_seat(session, asked.trainee_id, actor=actor()).intake.id
    return see_other(url_for("consultations.index", intake_id=intake_id))


def answer_page(consultation_id: int, refusal: DomainError | None = None) -> str:
    """Show a question and the form that answers it."""
    seat, asked = consultation_to_answer(db_session(), consultation_id, actor=actor())
    line = next(one for one in of_trainee(db_session(), asked.trainee_id, now=now()) if one.consultation.id == asked.id)
    return render_template(
        "plans/consultation.html",
        seat=seat,
        line=line,
        asked=asked,
        typed=typed_terms({}),
        refusal=refusal,
        states=CONSULTATION_STATES,
        mode_names=MODE_NAMES,
        longest=LONGEST,
    )


@blueprint.post("/consultations/<int:consultation_id>/accept")
@needs(Permission.OWN_RECORD)
def accept(consultation_id: int) -> Response:
    """Accept the time that the leader offered."""
    asked = accept_consultation(
        db_session(), consultation_id=consultation_id, actor=actor(), now=now(), zone=tool().settings.zone
    )
    seat = seat_of(db_session(), asked.trainee_id, actor=actor())
    say_set(seat, asked)
    return see_other(url_for("consultations.index", intake_id=seat.intake.id) + "?as=trainee")


@blueprint.post("/consultations/<int:consultation_id>/withdraw")
@needs(Permission.OWN_RECORD)
def withdraw(consultation_id: int) -> Response:
    """Take a question back."""
    asked = withdraw_consultation(db_session(), consultation_id=consultation_id, actor=actor(), now=now())
    seat = seat_of(db_session(), asked.trainee_id, actor=actor())
    flash(gettext("The consultation is withdrawn. The leader is told."), "success")
    return see_other(url_for("consultations.index", intake_id=seat.intake.id) + "?as=trainee")


def say_set(seat: Seat, made: Consultation) -> None:
    """Say that the meeting stands, and what it falls together with."""
    flash(gettext("The consultation is in the schedule of you both."), "success")
    meeting = db_session().get_one(Meeting, made.meeting_id)
    for clash in clashes_of(db_session(), meeting, trainee=seat.trainee, leader_id=meeting.host_id or 0):
        about = {"topic": clash.meeting.topic.title, "time": _clock(clash.meeting.starts_at)}
        if (clash.side is Side.LEADER) == seat.is_leader:
            flash(gettext("You have another meeting at that time: “%(topic)s”, %(time)s.", **about), "warning")
        elif seat.is_leader:
            flash(gettext("The trainee has another meeting at that time: “%(topic)s”, %(time)s.", **about), "warning")


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(tool().settings.zone):%d.%m.%Y, %H:%M}"


def typed_terms(more: dict[str, str]) -> dict[str, Any]:
    """Return what stands in the fields of a form of terms at first, or what was typed."""
    if request.method == "POST":
        return dict(request.form)
    return {"minutes": str(USUAL_MINUTES), "mode": Mode.ON_SITE.value, **more}


def read_terms() -> Terms:
    """Read when and where from the form; the time is the municipality's. Raises DomainError."""
    form = request.form
    try:
        moment = datetime.fromisoformat(form.get("starts_at", ""))
    except ValueError:
        raise DomainError(
            "time_not_read",
            _l("The day and the time are missing."),
            remedy=_l("Give both, such as 10.12.2026, 15:00."),
            field="starts_at",
        ) from None
    return Terms(
        starts_at=from_local(moment.replace(tzinfo=None), tool().settings.zone),
        minutes=form.get("minutes", 0, type=row_number),
        mode=Mode.DISTANCE if form.get("mode") == Mode.DISTANCE.value else Mode.ON_SITE,
        place_or_url=form.get("place_or_url", ""),
    )
