"""The leader's grid: shown, filled cell by cell, taken away as a workbook."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError
from lti_app.core.forms import see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.credits.beside import side_columns
from lti_app.credits.grid import ChangedCell, Grid, Shown, Sign, changed_cell, intake_grid
from lti_app.credits.grid_workbook import grid_workbook
from lti_app.credits.service import record_presence
from lti_app.meetings.correcting import LONGEST_REASON
from lti_app.meetings.models import Presence
from lti_app.meetings.service import find_meeting
from lti_app.meetings.stays import StayRules

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN_NAMES = {Shown.ALL: _l("All"), Shown.BEHIND: _l("Who falls behind"), Shown.WAITING: _l("Attendance to confirm")}
LETTERS = {
    Sign.PRESENT: _l("pr."),
    Sign.ABSENT: _l("ab."),
}
WORDS = {
    Sign.PRESENT: _l("present"),
    Sign.ABSENT: _l("absent"),
    Sign.LIKELY_PRESENT: _l("no word yet; present, the join log suggests"),
    Sign.LIKELY_ABSENT: _l("no word yet; absent, the join log suggests"),
    Sign.WAITING: _l("no word yet"),
    Sign.TO_COME: _l("to come"),
    Sign.CANCELLED: _l("cancelled"),
}

blueprint = Blueprint("grid", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()


@blueprint.get("/intakes/<int:intake_id>/grid")
@needs(Permission.RUN_INTAKES)
def page(intake_id: int) -> str:
    """Show people × meetings; ``?show=`` leaves some rows, ``?meeting=`` one column."""
    whole = _whole(intake_id)
    return render_template(
        "credits/grid.html",
        whole=whole,
        grid=_narrowed(whole),
        intake=whole.intake,
        shown_names=SHOWN_NAMES,
        texts=_texts(),
        words={sign.value: str(words) for sign, words in WORDS.items()},
        longest_reason=LONGEST_REASON,
        Sign=Sign,
    )


@blueprint.get("/intakes/<int:intake_id>/grid.xlsx")
@needs(Permission.RUN_INTAKES)
def export(intake_id: int) -> Response:
    """Give what the page shows as a workbook."""
    grid = _narrowed(_whole(intake_id))
    response = make_response(grid_workbook(grid, tool().settings.zone, now()))
    response.mimetype = XLSX
    code = grid.intake.intake_code.encode("ascii", "ignore").decode() or "intake"
    response.headers.set("Content-Disposition", "attachment", filename=f"{code}-attendance-{_today()}.xlsx")
    return response


@blueprint.route("/meetings/<int:meeting_id>/trainees/<int:trainee_id>/presence", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def presence(meeting_id: int, trainee_id: int) -> Response:
    """Put down the leader's word on one trainee, and tell what became of the cell, its row and its column (JSON)."""
    session = db_session()
    if request.method == "POST":
        record_presence(
            session,
            meeting_id=meeting_id,
            trainee_id=trainee_id,
            presence=_asked_presence(),
            seen=request.form.get("seen", type=Presence),
            reason=request.form.get("reason", ""),
            actor=actor(),
            now=now(),
        )
        if "application/json" not in request.accept_mimetypes.values():
            return see_other(url_for("grid.page", intake_id=find_meeting(session, meeting_id).intake_id))
    rules = StayRules.of(tool().settings)
    changed = changed_cell(session, meeting_id=meeting_id, trainee_id=trainee_id, actor=actor(), now=now(), rules=rules)
    return jsonify(_told(changed))


def _told(changed: ChangedCell) -> dict[str, object]:
    return {
        "sign": changed.cell.sign.value,
        "credited": changed.cell.is_credited,
        "standing": render_template("credits/_grid_standing.html", trainee=changed.trainee),
        "present": changed.column.present,
        "confirmed": changed.column.confirmed,
    }


def _asked_presence() -> Presence:
    asked = request.form.get("presence", type=Presence)
    if asked is None:
        raise DomainError(
            "presence_missing",
            _l("It is not said whether the trainee was present."),
            remedy=_l("Reload the page and mark anew."),
            field="presence",
        )
    return asked


def _whole(intake_id: int) -> Grid:
    session = db_session()
    sides = side_columns(session, intake_id, now=now(), zone=tool().settings.zone)
    rules = StayRules.of(tool().settings)
    return intake_grid(session, intake_id=intake_id, actor=actor(), now=now(), rules=rules, sides=sides)


def _narrowed(whole: Grid) -> Grid:
    return whole.narrowed(
        shown=request.args.get("show", Shown.ALL, type=Shown), meeting_id=request.args.get("meeting", type=row_number)
    )


def _texts() -> dict[Sign, str]:
    """Return what stands in a cell: one letter, as in a class register."""
    present, absent = (str(LETTERS[sign]) for sign in (Sign.PRESENT, Sign.ABSENT))
    return {
        Sign.PRESENT: present,
        Sign.ABSENT: absent,
        Sign.LIKELY_PRESENT: f"{present}?",
        Sign.LIKELY_ABSENT: f"{absent}?",
        Sign.WAITING: "?",
        Sign.TO_COME: "",
        Sign.CANCELLED: "–",
    }


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()
