"""Individual plans as the trainee and the leader of the site see, write and agree them (4.2, 5.2)."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext, ngettext

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.paging import asked_page, page_of
from lti_app.core.permissions import Permission, needs
from lti_app.papers.page import paper_answer
from lti_app.plans.agreeing import agree_to_plan, mark_item, restore_agreed
from lti_app.plans.content import form_words
from lti_app.plans.models import PlanState
from lti_app.plans.overview import plan_page, plans_of, two_texts
from lti_app.plans.papers import plan_asks, plan_paper
from lti_app.plans.plan_form import PlanForm, facts_from, form_of, read_form, rearranged
from lti_app.plans.seats import Seat, own_seat, seat_of
from lti_app.plans.words import CARD_STATES, HISTORY, ITEM_STATES
from lti_app.plans.writing import (
    LONGEST_AIM,
    begin_plan,
    begin_plans,
    done_items,
    meetings_for,
    plan_to_change,
    save_plan,
)
from lti_app.programmes.models import FORM_NAMES

blueprint = Blueprint("plans", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
SEARCH_FROM = 50


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()


def own_address(seat: Seat) -> str:
    """Return the address of a plan for the side that looks."""
    if seat.is_leader:
        return url_for("plans.plan", trainee_id=seat.trainee.id)
    return url_for("plans.own", intake_id=seat.intake.id)


@blueprint.get("/intakes/<int:intake_id>/plan")
@needs(Permission.OWN_RECORD)
def own(intake_id: int) -> str:
    """Show a trainee their own plan."""
    return page_of_plan(own_seat(db_session(), intake_id, actor=actor()))


@blueprint.get("/trainees/<int:trainee_id>/plan")
@needs(Permission.SIGNED_IN)
def plan(trainee_id: int) -> str:
    """Show a trainee's plan to the leader of the site, or to that trainee."""
    return page_of_plan(_seat(trainee_id))


def _seat(trainee_id: int) -> Seat:
    return seat_of(db_session(), trainee_id, actor=actor())


def page_of_plan(seat: Seat, refusal: DomainError | None = None) -> str:
    """Show a plan: what is agreed with its marks, what is proposed, earlier versions."""
    session = db_session()
    shown = plan_page(session, seat, now=now(), zone=tool().settings.zone)
    return render_template(
        "plans/plan.html",
        seat=seat,
        page=shown,
        history=history_of(session, shown.plan, words=HISTORY) if shown.plan is not None else [],
        refusal=refusal,
        item_states=ITEM_STATES,
        card_states=CARD_STATES,
        form_words=form_words,
    )


@blueprint.post("/trainees/<int:trainee_id>/plan/begin")
@needs(Permission.SIGNED_IN)
def begin(trainee_id: int) -> Response:
    """Begin a plan, from the programme's or empty, and go on to write it."""
    keep_form(lambda refusal: page_of_plan(_seat(trainee_id), refusal))
    begin_plan(
        db_session(),
        trainee_id=trainee_id,
        from_programme=request.form.get("from") == "programme",
        actor=actor(),
        now=now(),
        zone=tool().settings.zone,
    )
    return see_other(url_for("plans.edit", trainee_id=trainee_id))


@blueprint.route("/trainees/<int:trainee_id>/plan/edit", methods=["GET", "POST"])
@needs(Permission.SIGNED_IN)
def edit(trainee_id: int) -> Response:
    """Show the form of a plan; do what its buttons ask; save, or save and propose."""
    session, zone = db_session(), tool().settings.zone
    seat = _seat(trainee_id)
    standing = plan_to_change(session, seat)
    done = done_items(session, standing)
    if request.method == "GET":
        return make_response(edit_page(seat, form_of(standing, done)))
    typed = read_form(request.form, done)
    step = request.form.get("step", "save")
    if ":" in step or step == "add":
        return make_response(edit_page(seat, rearranged(typed, step, seat)))
    keep_form(lambda refusal: edit_page(_seat(trainee_id), typed, refusal))
    titles = {meeting.id: meeting.topic.title for meeting in meetings_for(session, seat)}
    facts = facts_from(typed, seat, titles)
    saved = save_plan(
        session, trainee_id=trainee_id, facts=facts, seen=typed.revision, actor=actor(), now=now(), zone=zone
    )
    if step == "propose":
        saved = agree_to_plan(session, trainee_id=trainee_id, seen=saved.revision, actor=actor(), now=now())
        say_agreed(seat, saved.state)
    else:
        flash(gettext("Saved. Nobody has been told yet: propose the plan once it is ready."), "success")
    return see_other(own_address(seat))


def edit_page(seat: Seat, form: PlanForm, refusal: DomainError | None = None) -> str:
    """Show the form with what was typed, and what is wrong at its rows."""
    session = db_session()
    if isinstance(refusal, EditedMeanwhile):
        form.revision = refusal.revision  # who has seen both texts may save theirs
    shown = plan_page(session, seat, now=now(), zone=tool().settings.zone)
    return render_template(
        "plans/edit.html",
        seat=seat,
        page=shown,
        form=form,
        refusal=refusal,
        meetings=meetings_for(session, seat, named=form.meetings),
        form_names=FORM_NAMES,
        own_work=form_words(None),
        longest_aim=LONGEST_AIM,
        back=own_address(seat),
    )


def say_agreed(seat: Seat, state: PlanState) -> None:
    """Say what agreeing did."""
    if state is PlanState.AGREED:
        words = gettext("The plan is agreed: it holds from now on.")
    elif seat.is_leader:
        words = gettext(
            "The plan is proposed. %(name)s is told and asked to agree.", name=seat.trainee.person.full_name
        )
    else:
        words = gettext("The plan is proposed. The leader is told and asked to agree.")
    flash(words, "success")


@blueprint.post("/trainees/<int:trainee_id>/plan/agree")
@needs(Permission.SIGNED_IN)
def agree(trainee_id: int) -> Response:
    """Agree to the text that was read: the first side thereby proposes it."""
    keep_form(lambda refusal: page_of_plan(_seat(trainee_id), refusal))
    seen = request.form.get("revision", type=row_number)
    saved = agree_to_plan(db_session(), trainee_id=trainee_id, seen=seen, actor=actor(), now=now())
    seat = _seat(trainee_id)
    say_agreed(seat, saved.state)
    return see_other(own_address(seat))


@blueprint.post("/trainees/<int:trainee_id>/plan/restore")
@needs(Permission.SIGNED_IN)
def restore(trainee_id: int) -> Response:
    """Give a change up that isn't agreed."""
    keep_form(lambda refusal: page_of_plan(_seat(trainee_id), refusal))
    seen = request.form.get("revision", type=row_number)
    restore_agreed(db_session(), trainee_id=trainee_id, seen=seen, actor=actor(), now=now())
    flash(gettext("The change is given up: the agreed plan holds as it was."), "success")
    return see_other(own_address(_seat(trainee_id)))


@blueprint.post("/trainees/<int:trainee_id>/plan/items/<int:point_id>")
@needs(Permission.SIGNED_IN)
def mark(trainee_id: int, point_id: int) -> Response:
    """Mark a point as done, or take the mark back."""
    keep_form(lambda refusal: page_of_plan(_seat(trainee_id), refusal))
    is_done = request.form.get("do") == "done"
    mark_item(db_session(), trainee_id=trainee_id, item_id=point_id, is_done=is_done, actor=actor(), now=now())
    seat = _seat(trainee_id)
    if not is_done:
        flash(gettext("The mark is taken back."), "success")
    elif seat.is_leader:
        flash(gettext("The point is confirmed as done."), "success")
    else:
        flash(gettext("Marked as done. The leader confirms it."), "success")
    return see_other(f"{own_address(seat)}#item-{point_id}")


@blueprint.get("/trainees/<int:trainee_id>/plan/compare")
@needs(Permission.SIGNED_IN)
def compare(trainee_id: int) -> str:
    """Show what differs between two agreed versions, or between one and the text that is being written."""
    before = request.args.get("before", type=row_number)
    after = request.args.get("after", type=row_number)
    if before is None:
        raise NotFound("nothing_to_compare", gettext("There is no other version to compare with."))
    seat, old, new, difference = two_texts(db_session(), trainee_id, before=before, after=after, actor=actor())
    return render_template(
        "plans/compare.html", seat=seat, before=old, after=new, difference=difference, back=own_address(seat)
    )


@blueprint.get("/trainees/<int:trainee_id>/plan/paper")
@needs(Permission.SIGNED_IN)
def paper(trainee_id: int) -> Response:
    """Print an individual plan (5.2): the version that holds, else the text that is being written."""
    session = db_session()
    seat = _seat(trainee_id)
    shown = plan_page(session, seat, now=now(), zone=tool().settings.zone)
    return paper_answer(
        lambda typed: plan_paper(session, shown, typed, zone=tool().settings.zone),
        plan_asks(shown, _today()),
        back=own_address(seat),
    )


@blueprint.route("/intakes/<int:intake_id>/plans", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def of_intake(intake_id: int) -> Response:
    """Show the leader the plans of an intake; by POST, draw one up from the programme's for everybody without one."""
    if request.method == "GET":
        return make_response(list_page(intake_id))
    keep_form(lambda refusal: list_page(intake_id, refusal))
    begun = begin_plans(db_session(), intake_id=intake_id, actor=actor(), now=now(), zone=tool().settings.zone)
    words = ngettext(
        "%(num)s plan is drawn up from the programme's. Look through it and propose it.",
        "%(num)s plans are drawn up from the programme's. Look through them and propose them.",
        begun,
    )
    flash(words if begun else gettext("Everybody has a plan already."), "success" if begun else "info")
    return see_other(url_for("plans.of_intake", intake_id=intake_id))


def list_page(intake_id: int, refusal: DomainError | None = None) -> str:
    """Show the plans of an intake with their states; ``?q=`` finds a trainee's."""
    intake, rows = plans_of(db_session(), intake_id, actor=actor(), now=now(), zone=tool().settings.zone)
    query = request.args.get("q", "").strip()
    found = [row for row in rows if query.casefold() in row.trainee.person.full_name.casefold()]
    return render_template(
        "plans/list.html",
        intake=intake,
        rows=rows,
        page=page_of(found, request.args.get("page", type=asked_page)),
        query=query,
        searchable=len(rows) > SEARCH_FROM,
        card_states=CARD_STATES,
        refusal=refusal,
    )
