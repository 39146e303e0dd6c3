"""A leader ties the Moodle course that they came from to an intake of theirs."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool, visit_life
from lti_app.core.errors import DomainError, Forbidden
from lti_app.core.forms import keep_form, see_other
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.courses import (
    intakes_of_course,
    likely_offer,
    own_intakes,
    share_course,
    share_offers,
    tie_course,
    tie_offers,
)
from lti_app.intakes.launched import LaunchedCourse, unseal

blueprint = Blueprint("intakes", __name__, template_folder="templates")


@blueprint.route("/intakes/tie", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def tie() -> Response:
    """Offer the leader's intakes without a course; tie the one chosen."""
    course = unseal(
        request.values.get("course", ""), tool().settings.secret_key, actor=actor(), now=now(), life=visit_life()
    )
    if not course.is_instructor:
        raise Forbidden(
            "not_teacher_of_course",
            _l("You are not a teacher of this course in Moodle."),
            remedy=_l("Only its teacher can tie a course to an intake. Once you are, open the course again."),
        )
    if request.method == "GET":
        return make_response(tie_page(course))
    keep_form(lambda refusal: tie_page(course, refusal))
    chosen = _chosen_intake()
    tie_course(db_session(), intake_id=chosen, course_id=course.course_id, actor=actor(), now=now())
    flash(gettext("The course now belongs to this intake. Its trainees are enrolled with the next night."), "success")
    return see_other(url_for("credits.intake", intake_id=chosen))


@blueprint.get("/intakes/choose")
@needs(Permission.SIGNED_IN)
def choose() -> Response:
    """Let somebody who belongs to several intakes of the course that they came from choose one, running ones first."""
    sealed = request.args.get("course", "")
    course = unseal(sealed, tool().settings.secret_key, actor=actor(), now=now(), life=visit_life())
    intakes = intakes_of_course(
        db_session(), moodle_id=course.moodle_id, course_id=course.course_id, course_idnumber=course.idnumber
    )
    today = now().astimezone(tool().settings.zone).date()
    own = sorted(own_intakes(intakes, actor()), key=lambda one: not one.starts_on <= today <= one.ends_on)
    if len(own) < 2:
        # A place was given up meanwhile: the course's page leads on, or says why not.
        return see_other(url_for("site.course", course=sealed))
    may_tie = course.is_instructor and actor().may(Permission.RUN_INTAKES)
    return make_response(
        render_template("intakes/choose.html", course=course, sealed=sealed, intakes=own, today=today, may_tie=may_tie)
    )


@blueprint.route("/intakes/<int:intake_id>/share", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def share(intake_id: int) -> Response:
    """Offer the courses of the site's other intakes to one without a course; tie it to the one chosen."""
    if request.method == "GET":
        return make_response(share_page(intake_id))
    keep_form(lambda refusal: share_page(intake_id, refusal))
    share_course(db_session(), intake_id=intake_id, with_id=_chosen_intake(), actor=actor(), now=now())
    flash(gettext("The intake has its course now. Its trainees are enrolled there with the next night."), "success")
    return see_other(url_for("credits.intake", intake_id=intake_id))


def share_page(intake_id: int, refusal: DomainError | None = None) -> str:
    """Show the courses that the intake could share."""
    return render_template(
        "intakes/share.html",
        intake_id=intake_id,
        offers=share_offers(db_session(), actor(), intake_id),
        chosen=request.form.get("intake", type=row_number),
        refusal=refusal,
    )


def _chosen_intake() -> int:
    chosen = request.form.get("intake", type=row_number)
    if chosen is None:
        raise DomainError(
            "nothing_chosen", _l("No intake is chosen."), remedy=_l("Choose one of the list."), field="intake"
        )
    return chosen


def tie_page(course: LaunchedCourse, refusal: DomainError | None = None) -> str:
    """Show the intakes that can be tied to the course, with what follows from it in numbers."""
    offers = tie_offers(db_session(), actor(), course.moodle_id)
    likely = likely_offer(offers, course.title)
    chosen = request.form.get("intake", type=row_number) or (likely.intake.id if likely else None)
    return render_template(
        "intakes/tie.html",
        course=course,
        sealed=request.values.get("course", ""),
        offers=offers,
        holders=intakes_of_course(
            db_session(), moodle_id=course.moodle_id, course_id=course.course_id, course_idnumber=None
        ),
        chosen=chosen,
        refusal=refusal,
    )
