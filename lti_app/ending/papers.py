"""The order that ends a site, as a paper (8.1)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core.words import in_municipal_language
from lti_app.ending.overview import Ended
from lti_app.ending.words import INTAKES_ENDED, TRAINEES_ENDED
from lti_app.intakes.models import EndedIntake, EndedTrainee
from lti_app.papers.fields import EndedIntakeLine, EndedTraineeLine, EndPaper, PersonName
from lti_app.papers.page import Ask, Typed
from lti_app.sites.models import EndGrounds, Site, SiteEnd
from lti_app.sites.papers import DIRECTOR, institution, official, signatory, signatory_asks
from lti_app.sites.service import present_leader

GROUNDS = {
    EndGrounds.ORGANISATION: "решения организации от {day} № {number}",
    EndGrounds.COUNCIL: "рекомендации методического совета (протокол от {day} № {number})",
}


def end_asks(end: SiteEnd) -> list[Ask]:
    """Ask what the order says beyond what was decided."""
    paper = GROUNDS[end.grounds].format(day=f"{end.paper_date:%d.%m.%Y}", number=end.paper_number)
    grounds = f"пункта 8.1 Положения о муниципальных стажировочных площадках, {paper}"
    return [
        Ask("place", _l("Place")),
        Ask("grounds", _l("On the grounds of"), grounds, kind="long"),
        *signatory_asks(DIRECTOR),
        Ask("who_controls", _l("Who controls (accusative)")),
    ]


def end_paper(session: Session, site: Site, ended: Ended, centre: str, typed: Typed) -> EndPaper:
    """Return the order that ends a site, with what becomes of each intake and trainee under way (8.1)."""
    end, leading = ended.end, present_leader(site)
    acquainted = official(leading.person if leading else None)
    return EndPaper(
        centre=centre,
        number=end.order_number,
        date=end.order_date,
        place=typed["place"],
        grounds=typed["grounds"],
        reason=end.reason,
        host=institution(session, site.organisation, end.order_date),
        direction=site.direction,
        ends_on=end.ends_on,
        signatory=signatory(typed),
        leader=acquainted if leading is not None else None,
        intakes=tuple(_intake(row, ended.trainees.get(row.intake_id, [])) for row in ended.intakes),
        control=typed["who_controls"],
        acquaintance=(acquainted,) if leading is not None else (),
    )


def _intake(row: EndedIntake, trainees: list[EndedTrainee]) -> EndedIntakeLine:
    outcome = in_municipal_language(INTAKES_ENDED[row.outcome])
    if row.moved_to is not None:
        outcome += f" ({row.moved_to.code})"
    return EndedIntakeLine(
        code=row.intake.code,
        programme=row.intake.version.title,
        begins_on=row.intake.starts_on,
        ends_on=row.intake.ends_on,
        outcome=outcome,
        trainees=tuple(_trainee(one) for one in trainees),
    )


def _trainee(row: EndedTrainee) -> EndedTraineeLine:
    person = row.trainee.person
    organisation = person.organisation.label if person.organisation is not None else ""
    return EndedTraineeLine(
        PersonName(person.last_name, person.first_name, person.middle_name or ""),
        organisation,
        in_municipal_language(TRAINEES_ENDED[row.outcome]),
    )
