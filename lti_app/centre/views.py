"""What the centre and the council look through: deadlines, lists, the calendar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from io import BytesIO

from flask import Blueprint, Response, render_template, request, send_file
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from openpyxl import Workbook

from lti_app.centre import lists
from lti_app.centre.calendar import SHOWN_A_MONTH, EntryKind, year_of
from lti_app.centre.dashboard import due_on, state_of
from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.core.sheets import cells
from lti_app.programmes.words import VERSION_STATES
from lti_app.sites.words import SITE_STATES

blueprint = Blueprint("centre", __name__, template_folder="templates")

NAVIGATION = (
    NavItem("centre.desk", _l("What is due"), "clock", Permission.KEEP_SITES, place=5),
    NavItem("centre.sites", _l("Sites"), "geo-alt", Permission.SEE_LISTS, place=12),
    NavItem("centre.programmes", _l("All programmes"), "journal-check", Permission.SEE_LISTS, place=22),
    NavItem("centre.intakes", _l("Intakes"), "person-check", Permission.SEE_LISTS, place=24),
    NavItem("centre.calendar", _l("Calendar"), "calendar-event", Permission.SEE_LISTS, place=26),
)
ENTRY_NAMES = {
    EntryKind.STARTS: (_l("intake starts"), "play-circle", "success"),
    EntryKind.ENDS: (_l("intake ends"), "check-circle", "secondary"),
    EntryKind.SITTING: (_l("council"), "people", "primary"),
    EntryKind.TERM: (_l("term runs out"), "hourglass-split", "warning"),
    EntryKind.REPORT: (_l("reports"), "exclamation-circle", "danger"),
}
MOST_EXPORTED = 20_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()


def _asked(*names: str) -> dict[str, str]:
    return {name: text for name in names if (text := request.args.get(name, "").strip())}


def _page() -> int | None:
    return request.args.get("page", type=row_number)


@blueprint.get("/centre")
@needs(Permission.KEEP_SITES)
def desk() -> str:
    """Show what is due, and who is late."""
    due = due_on(db_session(), _today())
    return render_template("centre/desk.html", due=due, site_states=SITE_STATES, today=_today())


@blueprint.get("/centre/sites")
@needs(Permission.SEE_LISTS)
def sites() -> str | Response:
    """Show all sites, with search and filters."""
    asked = _asked("q", "direction", "state", "organisation")
    if request.args.get("as") == "xlsx":
        rows = db_session().execute(lists.site_query(asked, _today()).limit(MOST_EXPORTED))
        return workbook(
            gettext("Sites"),
            (
                gettext("Code"),
                gettext("Direction"),
                gettext("Organisation"),
                gettext("Leader"),
                gettext("Last day of the term"),
                gettext("State"),
            ),
            (
                (
                    s.code,
                    s.direction,
                    s.organisation.name,
                    p.full_name if p else "",
                    until,
                    str(SITE_STATES[state_of(s.ended_on, begins, until, in_force == 1, _today())][0]),
                )
                for s, p, begins, until, in_force in rows
            ),
        )
    return render_template(
        "centre/sites.html",
        page=lists.sites(db_session(), asked, _today(), _page()),
        asked=asked,
        directions=lists.directions(db_session()),
        states=SITE_STATES,
        state_of=state_of,
        today=_today(),
    )


@blueprint.get("/centre/programmes")
@needs(Permission.SEE_LISTS)
def programmes() -> str | Response:
    """Show the newest versions of all programmes, with search and filters."""
    asked = _asked("q", "direction", "state", "site")
    if request.args.get("as") == "xlsx":
        rows = db_session().execute(lists.programme_query(asked).limit(MOST_EXPORTED))
        return workbook(
            gettext("Programmes"),
            (gettext("Title"), gettext("Organisation"), gettext("Hours"), gettext("State")),
            ((v.title, s.organisation.name, float(v.hours), str(VERSION_STATES[v.state][0])) for v, s in rows),
        )
    return render_template(
        "centre/programmes.html",
        page=lists.programmes(db_session(), asked, _page()),
        asked=asked,
        directions=lists.directions(db_session()),
        states=VERSION_STATES,
    )


@blueprint.get("/centre/intakes")
@needs(Permission.SEE_LISTS)
def intakes() -> str | Response:
    """Show all intakes, with search and filters."""
    asked = _asked("q", "direction", "site", "when", "published", "free")
    if request.args.get("as") == "xlsx":
        found = db_session().execute(lists.intake_query(asked, _today()).limit(MOST_EXPORTED)).all()
        return workbook(
            gettext("Intakes"),
            (
                gettext("Code"),
                gettext("Title"),
                gettext("Organisation"),
                gettext("First day"),
                gettext("Last day"),
                gettext("Places"),
                gettext("Taken"),
            ),
            (
                (
                    row.intake.code,
                    row.title,
                    row.site.organisation.name,
                    row.intake.starts_on,
                    row.intake.ends_on,
                    row.intake.capacity,
                    row.taken,
                )
                for row in lists.intake_rows(db_session(), found)
            ),
        )
    return render_template(
        "centre/intakes.html",
        page=lists.intakes(db_session(), asked, _today(), _page()),
        asked=asked,
        directions=lists.directions(db_session()),
        today=_today(),
    )


@blueprint.get("/centre/calendar")
@needs(Permission.SEE_LISTS)
def calendar() -> str:
    """Show a year by months, or one month of it."""
    year = request.args.get("year", type=int) or _today().year
    year = min(max(year, 2000), 2100)
    month = request.args.get("month", type=int)
    month = month if month in range(1, 13) else None
    direction = request.args.get("direction") or None
    return render_template(
        "centre/calendar.html",
        year=year,
        months=year_of(db_session(), year, direction, month),
        month=month,
        most=None if month else SHOWN_A_MONTH,
        first_days={month: date(year, month, 1) for month in range(1, 13)},
        directions=lists.directions(db_session()),
        direction=direction,
        entries=ENTRY_NAMES,
        opens_sittings=actor().may(Permission.DISCUSS_PROGRAMMES),
        today=_today(),
    )


def workbook(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Give a list as a workbook; a text that begins like a formula stays a text."""
    book = Workbook()
    sheet = book.create_sheet(title[:31])
    book.remove(book.worksheets[0])
    sheet.append(list(headings))
    for row in rows:
        sheet.append(cells(row))
        for cell in sheet[sheet.max_row]:
            if isinstance(cell.value, str):
                cell.data_type = "s"
    sheet.freeze_panes = "A2"
    stream = BytesIO()
    book.save(stream)
    stream.seek(0)
    return send_file(stream, mimetype=XLSX, as_attachment=True, download_name=f"{title}.xlsx")
