"""Applications, orders and the list of sites as papers (3.2, 3.3, 3.4)."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.papers.fields import (
    ApplicationPaper,
    Institution,
    Official,
    OrderPaper,
    PersonName,
    SiteListLine,
    SiteListPaper,
)
from lti_app.papers.page import Ask, Typed, typed_day, typed_lines
from lti_app.papers.wording import lines
from lti_app.people.heads import head_on
from lti_app.people.models import Category, Organisation, Person
from lti_app.sites.models import OrderKind, Site, SiteApplication, SiteOrder
from lti_app.sites.states import sites_on

DIRECTOR = "директор"
CATEGORIES = {Category.HIGHEST: "высшая", Category.FIRST: "первая"}
RENEWAL = "О продлении статуса муниципальной стажировочной площадки"
BLANK = "______________"
NO_NAME = PersonName(BLANK)


def official(person: Person | None, organisation: str = "") -> Official:
    """Return a person of the lists with their position; a line to write on where nobody is known."""
    if person is None:
        return Official(NO_NAME, "", organisation)
    name = PersonName(person.last_name, person.first_name, person.middle_name or "")
    return Official(name, person.position or "", organisation)


def signatory_asks(position: str, name: str = "") -> list[Ask]:
    """Ask who signs."""
    return [
        Ask("signatory_position", _l("Who signs: position"), position),
        Ask("signatory_name", _l("Who signs: name"), name),
    ]


def signatory(typed: Typed) -> Official:
    """Return who signs, as typed."""
    name = typed["signatory_name"]
    return Official(PersonName.read(name) if name else NO_NAME, typed["signatory_position"])


def institution(session: Session, organisation: Organisation, day: date) -> Institution:
    """Return an organisation with its head on ``day``. One query."""
    head = head_on(session, organisation.id, day)
    return Institution(
        organisation.name,
        organisation.short_name or "",
        organisation.address or "",
        official(head) if head is not None else None,
    )


def application_asks(session: Session, application: SiteApplication, day: date, centre: str) -> list[Ask]:
    """Ask to whom the application goes, and who signs it."""
    head = head_on(session, application.applicant.id, day)
    return [
        Ask("to_position", _l("To whom: position"), DIRECTOR),
        Ask("to_organisation", _l("To whom: organisation"), centre),
        Ask("to_name", _l("To whom: name")),
        *signatory_asks((head.position if head else None) or DIRECTOR, head.full_name if head else ""),
        Ask("staff", _l("Staff (a line each)"), kind="long"),
    ]


def application_paper(session: Session, application: SiteApplication, day: date, typed: Typed) -> ApplicationPaper:
    """Return an application as it is signed on ``day`` (3.2)."""
    leader = application.leader
    addressee = typed["to_name"]
    category = CATEGORIES.get(leader.category, "") if leader and leader.category else ""
    return ApplicationPaper(
        applicant=institution(session, application.applicant, day),
        host=institution(session, application.host, day),
        direction=application.direction or "",
        topic=application.topic or "",
        experience=application.experience or "",
        leader=official(leader),
        term_years=application.term_years,
        date=day,
        signatory=signatory(typed),
        addressee=Official(
            PersonName.read(addressee) if addressee else NO_NAME,
            typed["to_position"],
            typed["to_organisation"],
        ),
        category=category,
        achievements=application.achievements or "",
        staff=typed_lines(typed, "staff"),
        equipment=tuple(lines(application.equipment or "")),
    )


def order_asks(order: SiteOrder, submitted_on: date | None) -> list[Ask]:
    """Ask what an order says beyond what is on the lists; its application was put in on ``submitted_on``."""
    grounds = "пункта 3.3 Положения о муниципальных стажировочных площадках"
    if order.application is not None:
        submitted = f" от {submitted_on:%d.%m.%Y}" if submitted_on else ""
        grounds += f" и заявки {order.application.applicant.label}{submitted}"
    return [
        Ask("place", _l("Place")),
        Ask("grounds", _l("On the grounds of"), grounds, kind="long"),
        *signatory_asks(DIRECTOR, order.signatory or ""),
        Ask("further", _l("Further points of the order (a line each)"), kind="long"),
    ]


def _leader_on(site: Site, day: date) -> Person | None:
    """Return who led a site on ``day``: orders that were imported don't say."""
    terms = (one for one in site.leaders if one.since <= day and (one.until is None or one.until >= day))
    return next((one.person for one in terms), None)


def order_paper(session: Session, order: SiteOrder, centre: str, typed: Typed) -> OrderPaper:
    """Return an order that grants or renews the status (3.3)."""
    leader = official(order.leader or _leader_on(order.site, order.valid_from))
    is_renewal = order.kind is OrderKind.RENEWAL
    return OrderPaper(
        centre=centre,
        number=order.number,
        date=order.signed_on,
        place=typed["place"],
        grounds=typed["grounds"],
        host=institution(session, order.site.organisation, order.signed_on),
        direction=order.site.direction,
        valid_from=order.valid_from,
        valid_until=order.valid_until,
        leader=leader,
        signatory=signatory(typed),
        control=order.control or "",
        further_items=typed_lines(typed, "further"),
        acquaintance=(leader,),
        is_renewal=is_renewal,
        heading=RENEWAL if is_renewal else OrderPaper.heading,
    )


def list_asks(day: date) -> list[Ask]:
    """Ask of which order the list is an annex."""
    return [
        Ask("number", _l("Number of the order")),
        Ask("date", _l("Date of the order"), day.isoformat(), kind="date"),
        Ask("municipality", _l("Of which municipality (genitive)")),
        *signatory_asks(DIRECTOR),
    ]


def list_paper(session: Session, day: date, centre: str, typed: Typed) -> SiteListPaper:
    """Return the list of sites on ``day`` as an annex to an order (3.4)."""
    return SiteListPaper(
        centre=centre,
        number=typed["number"] or "_____",
        date=typed_day(typed, "date"),
        municipality=typed["municipality"],
        on_day=day,
        sites=tuple(
            SiteListLine(
                organisation=row.organisation.name,
                direction=row.site.direction,
                leader=row.leader.full_name if row.leader else "",
                order=f"от {row.order.signed_on:%d.%m.%Y} № {row.order.number}",
                valid_from=row.order.valid_from,
                valid_until=row.order.valid_until,
            )
            for row in sites_on(session, day)
        ),
        signatory=signatory(typed),
    )
