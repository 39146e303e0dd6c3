"""Programmes, protocols of the council and their extracts as papers (4.2, 8.1)."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core.errors import Text
from lti_app.core.words import in_municipal_language
from lti_app.papers.declension import Case, decline_institution
from lti_app.papers.fields import Official, PersonName, ProgrammePaper, ProtocolItem, ProtocolPaper, TopicLine
from lti_app.papers.page import Ask, Typed
from lti_app.papers.wording import lines
from lti_app.people.heads import head_on
from lti_app.programmes.demands import as_rows, demands_text
from lti_app.programmes.models import (
    FORM_NAMES,
    AgendaItem,
    Decision,
    ProgrammeVersion,
    Sitting,
    Topic,
    VersionState,
)
from lti_app.programmes.plan import parts_of
from lti_app.sites.papers import BLANK, DIRECTOR, NO_NAME, institution, official, signatory, signatory_asks
from lti_app.sites.service import present_leader

COUNCIL = "городского методического совета"
DECIDED = {
    Decision.APPROVED: "Одобрить программу стажировки «{title}».",
    Decision.RETURNED: "Вернуть программу стажировки «{title}» на доработку.",
    Decision.REJECTED: "Отклонить программу стажировки «{title}».",
    Decision.END_RECOMMENDED: "Рекомендовать прекратить деятельность стажировочной площадки «{title}».",
    Decision.END_NOT_RECOMMENDED: "Не рекомендовать прекращение деятельности стажировочной площадки «{title}».",
}
"""What a protocol says where nobody put it into words."""


def programme_asks(session: Session, version: ProgrammeVersion, day: date) -> list[Ask]:
    """Ask who confirms the programme on its title page, where, and when it is carried out."""
    organisation = version.programme.site.organisation
    head = head_on(session, organisation.id, day)
    of = decline_institution(organisation.label, Case.GENITIVE).text
    position = f"{(head.position if head else None) or DIRECTOR} {of}"
    return [
        *signatory_asks(position, head.full_name if head else ""),
        Ask("place", _l("Place")),
        Ask("term", _l("When the programme is carried out")),
        Ask("council", _l("Which council approved it (genitive)"), COUNCIL),
    ]


def programme_paper(session: Session, version: ProgrammeVersion, day: date, typed: Typed) -> ProgrammePaper:
    """Return a version of a programme as it is printed (4.2). Two queries beyond the version's."""
    site = version.programme.site
    leading = present_leader(site)
    is_approved = version.state is VersionState.APPROVED
    forms: dict[str, Text] = {topic.form.value: FORM_NAMES[topic.form] for topic in version.topics}
    return ProgrammePaper(
        host=institution(session, site.organisation, day),
        title=version.title,
        direction=version.direction or site.direction,
        hours=version.hours,
        leader=official(leading.person if leading else None),
        place=typed["place"],
        year=(version.council_date or day).year,
        approved_by=signatory(typed),
        relevance=version.relevance or "",
        aim=version.goals or "",
        audience=version.audience or "",
        topics=tuple(_topic(topic) for topic in version.topics),
        tasks=tuple(lines(version.tasks or "")),
        results=tuple(competence.text for competence in version.competences),
        forms=", ".join(in_municipal_language(name) for name in forms.values()),
        term=typed["term"],
        control="\n".join(filter(None, (version.control, demands_text(as_rows(version.demands))))),
        conditions=version.conditions or "",
        sources=tuple(lines(version.sources or "")),
        council=typed["council"] or COUNCIL,
        protocol_number=(version.council_protocol or "") if is_approved else "",
        protocol_date=version.council_date if is_approved else None,
    )


def _topic(topic: Topic) -> TopicLine:
    lectures, practice, independent, distance = parts_of(topic)
    return TopicLine(
        title=topic.title,
        hours=topic.hours,
        lectures=lectures,
        practice=practice,
        independent=independent,
        distance=distance,
        form=in_municipal_language(FORM_NAMES[topic.form]),
        control=topic.control or "",
        content=topic.content or "",
    )


def protocol_asks(sitting: Sitting) -> list[Ask]:
    """Ask what stands in a protocol and not in the sitting."""
    return [
        Ask("council", _l("Of which council (genitive)"), COUNCIL),
        Ask("place", _l("Place"), sitting.place or ""),
    ]


def protocol_paper(sitting: Sitting, items: list[AgendaItem], typed: Typed, *, is_extract: bool) -> ProtocolPaper:
    """Return the protocol of a sitting, or an extract of it with the points in ``items``."""
    return ProtocolPaper(
        number=sitting.protocol_number or "_____",
        date=sitting.held_on,
        place=typed["place"],
        present=tuple(_present(line) for line in lines(sitting.present or "")),
        items=tuple(_item(item) for item in items),
        chair=PersonName.read(sitting.chair) if sitting.chair else NO_NAME,
        secretary=PersonName.read(sitting.secretary) if sitting.secretary else NO_NAME,
        council=typed["council"] or COUNCIL,
        is_extract=is_extract,
    )


def _present(line: str) -> Official:
    """Read «Фамилия И. О., должность»."""
    name, _, position = line.partition(",")
    return Official(PersonName.read(name), position.strip())


def _item(item: AgendaItem) -> ProtocolItem:
    if item.version is not None:
        title, topic = item.version.title, f"О программе стажировки «{item.version.title}»"
    else:
        title = item.site.direction if item.site is not None else ""
        topic = f"О прекращении деятельности стажировочной площадки «{title}»"
    decided = DECIDED[item.decision].format(title=title) if item.decision is not None else BLANK
    return ProtocolItem(
        topic=topic,
        decided=item.decided or decided,
        heard=item.heard or item.reason or topic[:1].lower() + topic[1:],
        spoke=tuple(lines(item.spoke or "")),
    )
