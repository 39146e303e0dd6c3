"""Sites, their orders, leaders and equipment; the list of sites (3.3, 3.4, 4.1, 4.2)."""

from __future__ import annotations

import re
from datetime import date
from io import BytesIO

from flask import Blueprint, Response, flash, make_response, render_template, request, send_file, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload, selectinload

from lti_app.core.attachments import STORE, Upload, add_attachment, attachments_of
from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.papers.page import paper_answer
from lti_app.people.finding import choose_person, find_people, is_meant
from lti_app.people.models import Person
from lti_app.sites import papers
from lti_app.sites.application_views import today
from lti_app.sites.applications import application_of, is_leading_position
from lti_app.sites.equipment import EquipmentLine, as_text, save_equipment
from lti_app.sites.files import SCAN
from lti_app.sites.models import Site, SiteApplication, SiteLeader, SiteOrder
from lti_app.sites.orders import OrderFacts, grant_status, renew_status
from lti_app.sites.service import longest_term_end, present_leader
from lti_app.sites.states import sites_on, state_on
from lti_app.sites.tables import list_workbook
from lti_app.sites.words import HISTORY, ORDER_KINDS, SITE_STATES

blueprint = Blueprint("sites", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UNREAD_QUANTITY = re.compile(r"(?<![\d\s])\s*×|(?:^|(?<!\d)\s)[xх*](?:\s|$)")
"""A multiplication sign after a name, where no number follows; between numbers it is a size: «Экран 2 × 3 м»."""
EQUIPMENT_LINE = re.compile(r"^(?P<name>.+?)(?:\s*[×xх*]\s*(?P<quantity>\d{1,5}))?(?:\s*\((?P<note>[^()]*)\))?$")


def readable_site(site_id: int) -> Site:
    """Return a site with orders, leaders and equipment, for its leader, the council, the centre. Raises NotFound."""
    who = actor()
    site = db_session().get(
        Site,
        site_id,
        options=[
            joinedload(Site.organisation),
            selectinload(Site.orders).joinedload(SiteOrder.leader),
            selectinload(Site.leaders).joinedload(SiteLeader.person),
            selectinload(Site.equipment),
        ],
    )
    if site is not None and (site.id in who.led_site_ids or who.may(Permission.SEE_LISTS)):
        return site
    raise NotFound("no_such_site", _l("There is no such site."))


@blueprint.get("/sites/<int:site_id>")
@needs(Permission.SIGNED_IN)
def site(site_id: int) -> str:
    """Show a site: where it stands today, its orders, leaders and equipment."""
    return site_page(site_id)


def site_page(site_id: int, refusal: DomainError | None = None) -> str:
    """Show a site, with what was typed of its equipment."""
    shown = readable_site(site_id)
    session, who = db_session(), actor()
    typed = request.form.get("equipment") if refusal is not None else None
    revision = refusal.revision if isinstance(refusal, EditedMeanwhile) else shown.revision
    return render_template(
        "sites/site.html",
        site=shown,
        state=state_on(shown, today()),
        states=SITE_STATES,
        kinds=ORDER_KINDS,
        leader=present_leader(shown),
        equipment=typed if typed is not None else as_text(shown.equipment),
        revision=revision,
        is_own=who.may(Permission.WRITE_PROGRAMMES) and shown.id in who.led_site_ids,
        is_centre=who.may(Permission.KEEP_SITES),
        sees_lists=who.may(Permission.SEE_LISTS),
        scans={order.id: attachments_of(session, order, SCAN) for order in shown.orders[-3:]},
        history=history_of(session, shown, *shown.orders, *shown.leaders, words=HISTORY),
        refusal=refusal,
    )


@blueprint.post("/sites/<int:site_id>/equipment")
@needs(Permission.WRITE_PROGRAMMES)
def equipment(site_id: int) -> Response:
    """Put down what the site has, a line each: «Интерактивная панель × 2 (каб. 12)»."""
    readable_site(site_id)
    keep_form(lambda refusal: site_page(site_id, refusal))
    lines = [line_of(line) for line in request.form.get("equipment", "").splitlines() if line.strip()]
    seen = request.form.get("revision", type=row_number)
    save_equipment(db_session(), site_id, lines, seen=seen, actor=actor(), now=now())
    flash(gettext("Saved."), "success")
    return see_other(url_for("sites.site", site_id=site_id) + "#equipment")


def line_of(text: str) -> EquipmentLine:
    """Read a line of equipment: the name, perhaps how many, perhaps a note in brackets.

    A line that can't be read is the name of nothing, 0 times: ``save_equipment`` refuses it.
    """
    line = " ".join(text.split())
    found = EQUIPMENT_LINE.match(line)
    is_named = found is not None and any(letter.isalnum() for letter in found["name"])
    if found is None or not is_named or (found["quantity"] is None and UNREAD_QUANTITY.search(found["name"])):
        return EquipmentLine(line[:300], 0)
    return EquipmentLine(found["name"][:300], int(found["quantity"] or 1), (found["note"] or "")[:300] or None)


@blueprint.route("/applications/<int:application_id>/order", methods=["GET", "POST"])
@needs(Permission.KEEP_SITES)
def grant(application_id: int) -> Response:
    """Give the order that follows an accepted application."""
    if request.method == "GET":
        return make_response(order_page(application_of(db_session(), application_id, actor=actor()), None))
    keep_form(lambda refusal: order_page(application_of(db_session(), application_id, actor=actor()), None, refusal))
    made = grant_status(db_session(), application_id, _facts(), actor=actor(), now=now(), today=today())
    _keep_scan(max(made.orders, key=lambda order: order.id))
    flash(gettext("The order is put down; those concerned are told."), "success")
    return see_other(url_for("sites.site", site_id=made.id))


@blueprint.route("/sites/<int:site_id>/order", methods=["GET", "POST"])
@needs(Permission.KEEP_SITES)
def renew(site_id: int) -> Response:
    """Renew a site's status by a further order."""
    if request.method == "GET":
        return make_response(order_page(None, readable_site(site_id)))
    readable_site(site_id)
    keep_form(lambda refusal: order_page(None, readable_site(site_id), refusal))
    made = renew_status(db_session(), site_id, _facts(), actor=actor(), now=now(), today=today())
    _keep_scan(max(made.orders, key=lambda order: order.id))
    flash(gettext("The order is put down; those concerned are told."), "success")
    return see_other(url_for("sites.site", site_id=site_id))


@blueprint.post("/sites/<int:site_id>/orders/<int:order_id>/scan")
@needs(Permission.KEEP_SITES)
def scan(site_id: int, order_id: int) -> Response:
    """Attach the scan of an order later."""
    keep_form(lambda refusal: site_page(site_id, refusal))
    order = next((one for one in readable_site(site_id).orders if one.id == order_id), None)
    if order is None:
        raise NotFound("no_such_order", _l("There is no such order."))
    upload = request.files.get(SCAN)
    _attach(order, Upload(upload.filename or "", upload.read()) if upload else Upload("", b""))
    return see_other(url_for("sites.site", site_id=site_id))


def _keep_scan(order: SiteOrder) -> None:
    upload = request.files.get(SCAN)
    if upload is not None and upload.filename:
        _attach(order, Upload(upload.filename, upload.read()))


def _attach(order: SiteOrder, upload: Upload) -> None:
    store = tool().services[STORE]
    add_attachment(db_session(), store, owner=order, purpose=SCAN, upload=upload, actor=actor(), now=now())


def _facts() -> OrderFacts:
    form = request.form
    leader = choose_person(
        db_session(), chosen_id=form.get("leader", type=row_number), text=form.get("leader_name", ""), field="leader"
    )
    return OrderFacts(
        number=form.get("number", ""),
        signed_on=_day("signed_on"),
        valid_from=_day("valid_from"),
        valid_until=_day("valid_until"),
        leader_id=leader.person_id or 0,
        signatory=form.get("signatory"),
        control=form.get("control"),
    )


def _day(name: str) -> date:
    found = request.form.get(name, type=date.fromisoformat)
    if found is None:
        raise DomainError("day_missing", _l("A date is missing, or it isn't one."), remedy=_l("Give it."), field=name)
    return found


def order_page(application: SiteApplication | None, site: Site | None, refusal: DomainError | None = None) -> str:
    """Show the form of an order, filled from the application or the site, or with what was typed."""
    session = db_session()
    values = {name: request.form.get(name, "") for name in request.form} if refusal else _proposed(application, site)
    chosen = values.get("leader", "")
    leader = session.get(Person, int(chosen)) if chosen.isdecimal() and len(chosen) < 10 else None
    if leader is not None and not is_meant(session, leader.id, values.get("leader_name", "")):
        leader = None
    return render_template(
        "sites/order.html",
        application=application,
        site=site,
        values=values,
        chosen=leader,
        odd_position=leader is not None and not is_leading_position(leader.position),
        matches=find_people(session, values.get("leader_name", "")) if refusal and leader is None else [],
        refusal=refusal,
    )


def _proposed(application: SiteApplication | None, site: Site | None) -> dict[str, str]:
    day = today()
    leader = application.leader if application else None
    if leader is None and site is not None and (present := present_leader(site)) is not None:
        leader = present.person
    until = longest_term_end(day)
    if application is not None and application.term_years < 3:
        until = date(day.year + application.term_years, day.month, min(day.day, 28))
    return {
        "signed_on": day.isoformat(),
        "valid_from": day.isoformat(),
        "valid_until": until.isoformat(),
        "leader": str(leader.id) if leader else "",
        "leader_name": leader.full_name if leader else "",
    }


@blueprint.get("/sites/list")
@needs(Permission.SEE_LISTS)
def register() -> str:
    """Show the list of sites on a day, as it would be annexed to an order (3.4)."""
    day = request.args.get("on", type=date.fromisoformat) or today()
    return render_template("sites/register.html", day=day, rows=sites_on(db_session(), day), today=today())


@blueprint.get("/sites/list/paper")
@needs(Permission.SEE_LISTS)
def register_paper() -> Response:
    """Print the list of sites on a day, to be signed as an annex to an order (3.4)."""
    day = request.args.get("on", type=date.fromisoformat) or today()
    return paper_answer(
        lambda typed: papers.list_paper(db_session(), day, tool().settings.centre_name, typed),
        papers.list_asks(day),
        back=url_for("sites.register", on=day.isoformat()),
        on=day.isoformat(),
    )


@blueprint.get("/sites/<int:site_id>/orders/<int:order_id>/paper")
@needs(Permission.KEEP_SITES)
def order_paper(site_id: int, order_id: int) -> Response:
    """Print an order that grants or renews the status (3.3)."""
    session, settings = db_session(), tool().settings
    order = next((one for one in readable_site(site_id).orders if one.id == order_id), None)
    if order is None:
        raise NotFound("no_such_order", _l("There is no such order."))
    submitted = order.application.submitted_at if order.application else None
    return paper_answer(
        lambda typed: papers.order_paper(session, order, settings.centre_name, typed),
        papers.order_asks(order, submitted.astimezone(settings.zone).date() if submitted else None),
        back=url_for("sites.site", site_id=site_id),
    )


@blueprint.get("/sites/list.xlsx")
@needs(Permission.SEE_LISTS)
def register_xlsx() -> Response:
    """Give the list of sites on a day as a workbook."""
    day = request.args.get("on", type=date.fromisoformat) or today()
    content = list_workbook(sites_on(db_session(), day), day)
    return send_file(
        BytesIO(content), mimetype=XLSX, as_attachment=True, download_name=f"spisok-ploshchadok-{day}.xlsx"
    )
