"""Bringing in the list of who was in a room: the file, its columns, its people."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError, Text
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.meetings.attendance_lists import (
    NOBODY,
    accept_list,
    awaited_at,
    discard_list,
    find_list,
    led_meeting,
    lines_of,
    lists_of,
    providers,
    settle_columns,
    take_list,
)
from lti_app.meetings.list_matching import Match
from lti_app.meetings.list_reading import COLUMNS
from lti_app.meetings.onsite_models import ListState
from lti_app.meetings.service import find_meeting

blueprint = Blueprint("attendance_lists", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
COLUMN_NAMES: dict[str, Text] = {
    "name": _l("Whole name"),
    "last_name": _l("Last name"),
    "first_name": _l("First name"),
    "middle_name": _l("Patronymic"),
    "email": _l("E-mail address"),
    "number": _l("Moodle number"),
    "joined": _l("When they joined"),
    "left": _l("When they left"),
    "minutes": _l("How long they were there"),
}
SHOWN_ROWS = 3
"""Rows of the file that stand beside the choice of columns."""


@blueprint.route("/meetings/<int:meeting_id>/list", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def upload(meeting_id: int) -> Response:
    """Show the lists of a meeting, and take another."""
    if request.method == "GET":
        return make_response(upload_page(meeting_id))
    provider, file = request.form.get("provider", ""), request.files.get("file")
    keep_form(lambda refusal: upload_page(meeting_id, provider=provider, refusal=refusal))
    made = take_list(
        db_session(),
        meeting_id=meeting_id,
        provider=provider,
        file_name=(file.filename or "") if file else "",
        content=file.read() if file else b"",
        actor=actor(),
        now=now(),
    )
    return see_other(url_for("attendance_lists.review", list_id=made.id))


def upload_page(meeting_id: int, *, provider: str = "", refusal: DomainError | None = None) -> str:
    """Show the form for a file; ``provider`` keeps what was typed."""
    meeting = led_meeting(db_session(), meeting_id, actor=actor())
    return render_template(
        "meetings/list.html",
        meeting=meeting,
        lists=lists_of(db_session(), meeting_id),
        providers=providers(db_session()),
        provider=provider,
        refusal=refusal,
        ListState=ListState,
    )


@blueprint.get("/meetings/lists/<int:list_id>")
@needs(Permission.RUN_INTAKES)
def review(list_id: int) -> Response:
    """Show what waits to be decided: the columns where they aren't known or ``?step=columns``, else the people."""
    found = find_list(db_session(), list_id, actor=actor())
    if found.state is ListState.ACCEPTED:
        return see_other(url_for("attendance_lists.upload", meeting_id=found.meeting_id))
    if found.state is ListState.COLUMNS or request.args.get("step") == "columns":
        return make_response(columns_page(list_id))
    return make_response(people_page(list_id))


def columns_page(list_id: int, *, chosen: dict[str, int] | None = None, refusal: DomainError | None = None) -> str:
    """Show which column is taken for what; ``chosen`` keeps a refused choice."""
    found = find_list(db_session(), list_id, actor=actor())
    return render_template(
        "meetings/list_columns.html",
        found=found,
        meeting=find_meeting(db_session(), found.meeting_id),
        chosen=found.columns if chosen is None else chosen,
        names=COLUMN_NAMES,
        rows=found.rows[:SHOWN_ROWS],
        refusal=refusal,
    )


@blueprint.post("/meetings/lists/<int:list_id>/columns")
@needs(Permission.RUN_INTAKES)
def columns(list_id: int) -> Response:
    """Say which column is which."""
    chosen = {name: place for name in COLUMNS if (place := request.form.get(name, type=row_number)) is not None}
    keep_form(lambda refusal: columns_page(list_id, chosen=chosen, refusal=refusal))
    settle_columns(
        db_session(),
        list_id=list_id,
        columns=chosen,
        seen=request.form.get("revision", type=row_number) or 0,
        actor=actor(),
        now=now(),
    )
    flash(gettext("The columns are remembered for the next list of this kind."), "success")
    return see_other(url_for("attendance_lists.review", list_id=list_id))


def people_page(
    list_id: int,
    *,
    decisions: dict[str, str] | None = None,
    names_checked: bool = False,
    refusal: DomainError | None = None,
) -> str:
    """Show whom the rows mean, a decision each; ``decisions`` keep what was chosen."""
    found = find_list(db_session(), list_id, actor=actor())
    meeting = find_meeting(db_session(), found.meeting_id)
    lines = lines_of(db_session(), found, zone=tool().settings.zone)
    awaited = awaited_at(db_session(), meeting)
    if decisions is None:
        decisions = {line.person.key: line.matched.chosen.key for line in lines if line.matched.chosen}
        decisions |= {line.person.key: NOBODY for line in lines if line.matched.how is Match.NOBODY}
    # What needs a look comes first, then those who are left out; what is sure comes last.
    order = {Match.CHOICE: 0, Match.NAME: 1, Match.NOBODY: 2, Match.EMAIL: 3, Match.NUMBER: 3}
    return render_template(
        "meetings/list_people.html",
        found=found,
        meeting=meeting,
        lines=sorted(lines, key=lambda line: order[line.matched.how]),
        awaited=awaited,
        missing=[one.full_name for one in awaited if one.key not in set(decisions.values())],
        decisions=decisions,
        names_checked=names_checked,
        used=[(COLUMN_NAMES[name], found.headings[place]) for name, place in found.columns.items()],
        refusal=refusal,
        Match=Match,
        nobody=NOBODY,
    )


@blueprint.post("/meetings/lists/<int:list_id>/accept")
@needs(Permission.RUN_INTAKES)
def accept(list_id: int) -> Response:
    """Put the stays of the list into the log."""
    decisions = {name.removeprefix("row-"): value for name, value in request.form.items() if name.startswith("row-")}
    checked = "names_checked" in request.form
    keep_form(lambda refusal: people_page(list_id, decisions=decisions, names_checked=checked, refusal=refusal))
    found = accept_list(
        db_session(),
        list_id=list_id,
        decisions=decisions,
        names_checked=checked,
        seen=request.form.get("revision", type=row_number) or 0,
        zone=tool().settings.zone,
        actor=actor(),
        now=now(),
    )
    flash(
        gettext(
            "The list is accepted: people %(people)s, left out %(left_out)s. Now confirm the attendance.",
            people=found.people,
            left_out=found.left_out,
        ),
        "success",
    )
    return see_other(url_for("credits.meeting", meeting_id=found.meeting_id))


@blueprint.post("/meetings/lists/<int:list_id>/discard")
@needs(Permission.RUN_INTAKES)
def discard(list_id: int) -> Response:
    """Forget a list that waits."""
    meeting_id = discard_list(db_session(), list_id=list_id, actor=actor(), now=now())
    flash(gettext("The list is forgotten."), "success")
    return see_other(url_for("attendance_lists.upload", meeting_id=meeting_id))
