"""The end of a site, decided in one step (8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.ending.choices import EndFacts, IntakeChoice
from lti_app.ending.overview import end_of, summary
from lti_app.ending.papers import end_asks, end_paper
from lti_app.ending.running import RunningIntake, recommendations, running_intakes, targets
from lti_app.ending.service import check_end, end_site, site_to_end
from lti_app.ending.words import GROUNDS_NAMES, INTAKE_OUTCOMES, INTAKES_ENDED, TRAINEE_OUTCOMES, TRAINEES_ENDED
from lti_app.intakes.models import IntakeOutcome, TraineeOutcome
from lti_app.papers.page import paper_answer
from lti_app.sites.models import EndGrounds

blueprint = Blueprint("ending", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()


@blueprint.route("/sites/<int:site_id>/end", methods=["GET", "POST"])
@needs(Permission.KEEP_SITES)
def end(site_id: int) -> Response:
    """Show what is under way and ask what happens to it; of a site that has ended, what was decided."""
    if request.method == "POST":
        return decide(site_id)
    site = site_to_end(db_session(), site_id, actor=actor())
    ended = end_of(db_session(), site)
    if ended is not None:
        words = {"grounds_names": GROUNDS_NAMES, "intakes_ended": INTAKES_ENDED, "trainees_ended": TRAINEES_ENDED}
        return make_response(render_template("ending/ended.html", site=site, ended=ended, **words))
    return make_response(end_page(site_id))


@blueprint.get("/sites/<int:site_id>/end/paper")
@needs(Permission.KEEP_SITES)
def paper(site_id: int) -> Response:
    """Print the order that ended a site (8.1)."""
    session = db_session()
    site = site_to_end(session, site_id, actor=actor())
    ended = end_of(session, site)
    if ended is None:
        raise NotFound("site_not_ended", _l("The end of this site wasn't decided here."))
    return paper_answer(
        lambda typed: end_paper(session, site, ended, tool().settings.centre_name, typed),
        end_asks(ended.end),
        back=url_for("ending.end", site_id=site_id),
    )


def decide(site_id: int) -> Response:
    """Say in numbers what would happen (``step`` = check), or end the site."""
    keep_form(lambda refusal: end_page(site_id, refusal=refusal))
    facts = _facts()
    if request.form.get("step") != "end":
        site = site_to_end(db_session(), site_id, actor=actor())
        found = check_end(db_session(), site, facts, now=now(), zone=tool().settings.zone)
        return make_response(end_page(site_id, checked=summary(facts, found)))
    end_site(db_session(), site_id, facts, actor=actor(), now=now(), zone=tool().settings.zone)
    flash(
        gettext("The site is ended. Those concerned are told; in Moodle it takes effect with the next night."),
        "success",
    )
    return see_other(url_for("ending.end", site_id=site_id))


def end_page(site_id: int, refusal: DomainError | None = None, checked: Mapping[str, Any] | None = None) -> str:
    """Show the form, with what was typed; ``checked`` are the numbers of what would happen."""
    session = db_session()
    site = site_to_end(session, site_id, actor=actor())
    values = request.values
    day = _day("ends_on") or _today()
    found = running_intakes(session, site.id, day, now())
    return render_template(
        "ending/end.html",
        site=site,
        recommendations=recommendations(session, site.id),
        found=found,
        targets=targets(session, site.id, day) if found else [],
        ends_on=day,
        values=values,
        preset=_presets(found),
        refusal=refusal,
        checked=checked,
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "grounds_names": GROUNDS_NAMES,
        "intake_outcomes": INTAKE_OUTCOMES,
        "trainee_outcomes": TRAINEE_OUTCOMES,
    }


def _presets(found: list[RunningIntake]) -> dict[int, TraineeOutcome]:
    """Propose for each trainee credit where hours were attended, since an hour not credited costs a certificate."""
    return {
        trainee.trainee_id: TraineeOutcome.CREDITED if trainee.creditable > 0 else TraineeOutcome.LEFT
        for intake in found
        for trainee in intake.trainees
    }


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()


def _day(name: str) -> date | None:
    return request.values.get(name, type=date.fromisoformat)


def _required_day(name: str) -> date:
    found = _day(name)
    if found is None:
        raise DomainError("day_missing", _l("A date is missing, or it isn't one."), remedy=_l("Give it."), field=name)
    return found


def _facts() -> EndFacts:
    form = request.form
    grounds = form.get("grounds", type=EndGrounds)
    if grounds is None:
        raise DomainError(
            "grounds_missing",
            _l("It isn't said on what grounds the site ends."),
            remedy=_l("Choose the organisation's decision or the council's recommendation."),
            field="grounds",
            clause="8.1",
        )
    return EndFacts(
        grounds=grounds,
        ends_on=_required_day("ends_on"),
        order_number=form.get("order_number", ""),
        order_date=_required_day("order_date"),
        reason=form.get("reason", ""),
        forgoes_unconfirmed=bool(form.get("forgoes_unconfirmed")),
        paper_number=form.get("paper_number", ""),
        paper_date=_day("paper_date"),
        item_id=form.get("item", type=row_number),
        choices={
            number: choice
            for name in form
            if (number := _number(name)) is not None and (choice := _choice(number)) is not None
        },
    )


def _number(name: str) -> int | None:
    """Return the number of the intake that a field decides on, or None for another field."""
    start, _, number = name.rpartition("_")
    return row_number(number) if start == "intake" and number.isdecimal() and len(number) < 10 else None


def _choice(intake_id: int) -> IntakeChoice | None:
    form = request.form
    outcome = form.get(f"intake_{intake_id}", type=IntakeOutcome)
    if outcome is None:
        return None
    ids = form.getlist(f"trainees_of_{intake_id}", type=row_number)
    if outcome is IntakeOutcome.FINISHED:
        return IntakeChoice(outcome, trainees=dict.fromkeys(ids, TraineeOutcome.STAYS))
    return IntakeChoice(
        outcome,
        moved_to_id=form.get(f"moved_to_{intake_id}", type=row_number) if outcome is IntakeOutcome.MOVED else None,
        trainees={
            trainee_id: chosen
            for trainee_id in ids
            if (chosen := form.get(f"trainee_{trainee_id}", type=TraineeOutcome)) is not None
        },
    )
