"""The leader's answers to products, and the assignments of Moodle that stand for them."""

from __future__ import annotations

from flask import Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.products.assignments import intake_to_tie, offered, tie_assignments, ties_of
from lti_app.products.review_form import typed_marks
from lti_app.products.reviewing import (
    accept_from_moodle,
    accept_product,
    graded_in_moodle,
    return_product,
    undo_acceptance,
)
from lti_app.products.views import NAVIGATION, blueprint, product_page, words


@blueprint.post("/products/<int:product_id>/review")
@needs(Permission.RUN_INTAKES)
def review(product_id: int) -> Response:
    """Return a product with remarks, or accept it, by the criteria."""
    keep_form(lambda refusal: product_page(product_id, refusal))
    form = request.form
    seen, remarks, marks = form.get("revision", type=row_number), form.get("remarks", ""), typed_marks(form)
    match form.get("decision"):
        case "return":
            return_product(db_session(), product_id, seen=seen, remarks=remarks, marks=marks, actor=actor(), now=now())
            flash(gettext("The product is returned: its author is told the remarks."), "success")
        case "accept":
            accept_product(db_session(), product_id, seen=seen, remarks=remarks, marks=marks, actor=actor(), now=now())
            flash(gettext("The product is accepted."), "success")
        case _:
            raise DomainError("nothing_chosen", _l("Nothing is chosen."), remedy=_l("Use one of the buttons."))
    return see_other(url_for("products.product", product_id=product_id))


@blueprint.post("/products/<int:product_id>/undo")
@needs(Permission.RUN_INTAKES)
def undo(product_id: int) -> Response:
    """Take an acceptance back for a reason."""
    keep_form(lambda refusal: product_page(product_id, refusal))
    undo_acceptance(db_session(), product_id, reason=request.form.get("reason", ""), actor=actor(), now=now())
    flash(gettext("The acceptance is taken back: the product waits for your answer again."), "success")
    return see_other(url_for("products.product", product_id=product_id))


@blueprint.route("/intakes/<int:intake_id>/products/assignments", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def assignments(intake_id: int) -> Response:
    """Say which assignment of the Moodle course stands for which product."""
    if request.method == "GET":
        return make_response(assignments_page(intake_id))
    keep_form(lambda refusal: assignments_page(intake_id, refusal))
    intake = intake_to_tie(db_session(), intake_id, actor=actor())
    chosen = {one.id: request.form.get(f"cmid_{one.id}", type=row_number) for one in intake.version.demands}
    tie_assignments(db_session(), intake_id, chosen, actor=actor(), now=now())
    flash(gettext("Saved. The next night reads the grades."), "success")
    return see_other(url_for("products.of_intake", intake_id=intake_id) + "?as=leader")


def assignments_page(intake_id: int, refusal: DomainError | None = None) -> str:
    """Show the demands with the assignments that the course has."""
    session = db_session()
    intake = intake_to_tie(session, intake_id, actor=actor())
    tied = {demand_id: tie.cmid for demand_id, tie in ties_of(session, intake_id).items()}
    if refusal is not None:
        tied = {one.id: request.form.get(f"cmid_{one.id}", 0, type=row_number) for one in intake.version.demands}
    return render_template(
        "products/assignments.html",
        intake=intake,
        offered=offered(session, intake),
        ties=ties_of(session, intake_id),
        tied=tied,
        refusal=refusal,
        **words(),
    )


@blueprint.route("/intakes/<int:intake_id>/products/<int:trainee_id>/<int:demand_id>", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def from_moodle(intake_id: int, trainee_id: int, demand_id: int) -> Response:
    """Accept what a trainee handed in in Moodle, on its grade there, by the criteria."""
    if request.method == "GET":
        return make_response(from_moodle_page(trainee_id, demand_id))
    keep_form(lambda refusal: from_moodle_page(trainee_id, demand_id, refusal))
    accept_from_moodle(
        db_session(),
        trainee_id=trainee_id,
        demand_id=demand_id,
        marks=typed_marks(request.form),
        remarks=request.form.get("remarks", ""),
        actor=actor(),
        now=now(),
    )
    flash(gettext("The product is accepted."), "success")
    return see_other(url_for("products.of_intake", intake_id=intake_id) + "?as=leader")


def from_moodle_page(trainee_id: int, demand_id: int, refusal: DomainError | None = None) -> str:
    """Show the grade in Moodle and the criteria."""
    trainee, demand, grade = graded_in_moodle(db_session(), trainee_id=trainee_id, demand_id=demand_id, actor=actor())
    return render_template(
        "products/from_moodle.html",
        trainee=trainee,
        intake=trainee.intake,
        demand=demand,
        grade=grade,
        typed=request.form,
        typed_marks=typed_marks(request.form),
        refusal=refusal,
        **words(),
    )


__all__ = ["NAVIGATION", "blueprint"]
