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
from lti_app.intakes.courses import likely_offer, tie_course, tie_offers
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
    chosen = request.form.get("intake", type=row_number)
    if chosen is None:
        raise DomainError(
            "nothing_chosen", _l("No intake is chosen."), remedy=_l("Choose one of the list."), field="intake"
        )
    tie_course(db_session(), intake_id=chosen, course_id=course.course_id, actor=actor(), now=now())
    flash(gettext("The course now belongs to this intake. Its trainees are enrolled with the next night."), "success")
    return see_other(url_for("credits.intake", intake_id=chosen))


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
        chosen=chosen,
        refusal=refusal,
    )
