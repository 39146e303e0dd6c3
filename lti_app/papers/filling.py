"""The values that a paper's template is filled with, and the declined wordings that a person may overrule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.papers.attendance import journal_values, sign_in_values
from lti_app.papers.declension import Case, Declined, decline_institution, decline_name, decline_position
from lti_app.papers.fields import (
    ApplicationPaper,
    EndedIntakeLine,
    EndPaper,
    IndividualPlanPaper,
    Institution,
    JournalPaper,
    MeetingLine,
    Official,
    OrderPaper,
    Paper,
    ProgrammePaper,
    ProtocolItem,
    ProtocolPaper,
    SchedulePaper,
    SignInPaper,
    SiteListPaper,
    TopicLine,
)
from lti_app.papers.wording import ended, hours, joined, lines, long_date, lowered, raised, short_date

Values = dict[str, Any]


BEFORE_A_STOP = ("leader_accusative", "control", "speaker_")
"""Keys of wordings that end a sentence of the paper."""


@dataclass(frozen=True)
class Form:
    """Hold a declined wording of a paper under the key that overrules it; ``label`` is for the person who looks."""

    key: str
    label: Text
    text: str
    is_sure: bool


def forms(paper: Paper) -> list[Form]:
    """Return the declined wordings of this paper, in the order in which they stand in it."""
    match paper:
        case ApplicationPaper():
            return _application_forms(paper)
        case OrderPaper():
            return _order_forms(paper)
        case ProtocolPaper():
            return _protocol_forms(paper)
        case EndPaper():
            return _end_forms(paper)
    return []


def values(paper: Paper, overrules: Mapping[str, str] | None = None) -> Values:
    """Return what the template is filled with: texts, and lists of texts or of rows, by the names in docs/papers.md.

    A wording in ``overrules`` stands in place of the one under its key; an empty one is no wording.
    """
    typed = {key: text.strip() for key, text in (overrules or {}).items() if text and text.strip()}
    wordings = {form.key: _within(form.key, typed.get(form.key, form.text)) for form in forms(paper)}
    match paper:
        case ApplicationPaper():
            own = _application(paper)
        case OrderPaper():
            own = _order(paper)
        case SiteListPaper():
            own = _site_list(paper)
        case ProgrammePaper():
            own = _programme(paper)
        case ProtocolPaper():
            own = _protocol(paper, wordings)
        case SchedulePaper():
            own = _schedule(paper)
        case EndPaper():
            own = _end(paper)
        case IndividualPlanPaper():
            own = _individual_plan(paper)
        case SignInPaper():
            own = sign_in_values(paper)
        case JournalPaper():
            own = journal_values(paper)
    return {**own, **wordings}


def _within(key: str, text: str) -> str:
    """Leave the last full stop of «Петрову А.А.» to the sentence that the wording ends."""
    return text.removesuffix(".") if key.startswith(BEFORE_A_STOP) else text


def title(paper: Paper) -> str:
    """Return what the paper is called as a file and in a list of files."""
    match paper:
        case ApplicationPaper():
            name = f"Заявка {paper.host.name}"
        case OrderPaper():
            name = f"Приказ № {paper.number} от {short_date(paper.date)}"
        case SiteListPaper():
            name = f"Список стажировочных площадок на {short_date(paper.on_day)}"
        case ProgrammePaper():
            name = f"Программа «{paper.title}»"
        case ProtocolPaper():
            kind = "Выписка из протокола" if paper.is_extract else "Протокол"
            name = f"{kind} № {paper.number} от {short_date(paper.date)}"
        case SchedulePaper():
            name = f"График работы площадки {short_date(paper.begins_on)} – {short_date(paper.ends_on)}"
        case EndPaper():
            name = f"Приказ № {paper.number} от {short_date(paper.date)} о прекращении деятельности"
        case IndividualPlanPaper():
            name = f"Индивидуальный план – {paper.person.name.signed}"
        case SignInPaper():
            name = f"Лист регистрации {short_date(paper.date)}"
        case JournalPaper():
            name = f"Журнал посещаемости «{paper.programme}»"
    return name


def _person(official: Official, case: Case, *, with_initials: bool = False) -> Declined:
    """Decline «Иванову Елену Сергеевну, учителя химии МБОУ «Школа № 1»»."""
    name = decline_name(official.name, case, with_initials=with_initials)
    position = _position(official, case)
    return Declined(joined([name.text, position.text]), name.is_sure and position.is_sure)


def _position(official: Official, case: Case) -> Declined:
    if not official.position:
        return Declined(official.organisation, is_sure=True)
    position = decline_position(lowered(official.position), case)
    return Declined(" ".join(filter(None, [position.text, official.organisation])), position.is_sure)


def _named(official: Official) -> str:
    """Return «Иванова Елена Сергеевна, учитель химии»."""
    return joined([official.name.full, lowered(official.position)])


def _form(key: str, label: Text, declined: Declined) -> Form:
    return Form(key, label, declined.text, declined.is_sure)


def _institution(key: str, label: Text, institution: Institution, case: Case) -> Form:
    return _form(key, label, decline_institution(institution.name, case))


def _control(control: Official | str) -> list[Form]:
    """Return the wording of who controls; none where it is the signatory. What was typed stands as typed."""
    if not control:
        return []
    if isinstance(control, str):
        return [Form("control", _l("Who controls (accusative)"), control, is_sure=False)]
    return [_form("control", _l("Who controls (accusative)"), _person(control, Case.ACCUSATIVE))]


def _signature(official: Official) -> Values:
    return {"signatory_position": raised(official.position), "signatory_name": official.name.signed}


def _acquainted(people: Iterable[Official]) -> list[Values]:
    return [{"name": person.name.signed, "position": raised(person.position)} for person in people]


def _application_forms(paper: ApplicationPaper) -> list[Form]:
    found = []
    if paper.addressee:
        position = decline_position(raised(paper.addressee.position), Case.DATIVE)
        name = decline_name(paper.addressee.name, Case.DATIVE, with_initials=True)
        found.append(_form("addressee_position", _l("Position of the addressee (dative)"), position))
        found.append(_form("addressee_name", _l("Name of the addressee (dative)"), name))
    return [
        *found,
        _institution(
            "applicant_genitive", _l("From whom the application is (genitive)"), paper.applicant, Case.GENITIVE
        ),
        _institution("host_dative", _l("Who is to get the status (dative)"), paper.host, Case.DATIVE),
    ]


def _application(paper: ApplicationPaper) -> Values:
    head = paper.host.head
    return {
        "addressee_position": "",
        "addressee_name": "",
        "addressee_organisation": paper.addressee.organisation if paper.addressee else "",
        "applicant": paper.applicant.name,
        "host_full_name": paper.host.full_name,
        "host_short_name": paper.host.name,
        "host_address": paper.host.address,
        "host_head": _named(head) if head else "",
        "direction": paper.direction,
        "topic": paper.topic,
        "experience": lines(paper.experience),
        "leader": _named(paper.leader),
        "category": paper.category,
        "achievements": lines(paper.achievements),
        "staff": list(paper.staff),
        "equipment": list(paper.equipment),
        "term": _years(paper.term_years),
        "date": long_date(paper.date),
        **_signature(paper.signatory),
    }


def _years(count: int) -> str:
    return f"{count} {'год' if count == 1 else 'года' if count in (2, 3, 4) else 'лет'}"


def _order_forms(paper: OrderPaper) -> list[Form]:
    label = _l("Whose status is renewed (dative)") if paper.is_renewal else _l("Who gets the status (dative)")
    return [
        _institution("host_dative", label, paper.host, Case.DATIVE),
        _form("leader_accusative", _l("Who is named leader (accusative)"), _person(paper.leader, Case.ACCUSATIVE)),
        *_control(paper.control),
    ]


def _of_any_order(paper: OrderPaper | EndPaper) -> Values:
    return {
        "centre": paper.centre,
        "number": paper.number,
        "date": long_date(paper.date),
        "place": paper.place,
        "heading": paper.heading,
        "grounds": paper.grounds.strip().rstrip("."),
        "host": paper.host.name,
        "direction": paper.direction,
        "control": "",
        "acquaintance": _acquainted(paper.acquaintance),
        **_signature(paper.signatory),
    }


def _order(paper: OrderPaper) -> Values:
    return {
        **_of_any_order(paper),
        "is_renewal": paper.is_renewal,
        "valid_from": long_date(paper.valid_from),
        "valid_until": long_date(paper.valid_until),
        "further_items": [ended(item) for item in paper.further_items],
    }


def _site_list(paper: SiteListPaper) -> Values:
    return {
        "centre": paper.centre,
        "number": paper.number,
        "date": long_date(paper.date),
        "municipality": paper.municipality,
        "on_day": long_date(paper.on_day),
        "sites": [
            {
                "number": str(place),
                "organisation": line.organisation,
                "direction": line.direction,
                "leader": line.leader,
                "order": line.order,
                "valid_from": short_date(line.valid_from),
                "valid_until": short_date(line.valid_until),
            }
            for place, line in enumerate(paper.sites, start=1)
        ],
        **_signature(paper.signatory),
    }


HOURS = ("hours", "lectures", "practice", "independent", "individual", "distance")


def _topic(place: int, topic: TopicLine) -> Values:
    return {
        "number": str(place),
        "title": topic.title,
        **{name: hours(getattr(topic, name)) for name in HOURS},
        "form": topic.form,
        "control": topic.control,
        "content": lines(topic.content),
    }


def _programme(paper: ProgrammePaper) -> Values:
    day = paper.protocol_date
    return {
        "host_full_name": paper.host.full_name,
        "host": paper.host.name,
        "title": paper.title,
        "direction": paper.direction,
        "hours": hours(paper.hours),
        "leader": _named(paper.leader),
        "place": paper.place,
        "year": str(paper.year),
        "approved_position": raised(paper.approved_by.position),
        "approved_name": paper.approved_by.name.signed,
        "council": paper.council,
        "protocol_number": paper.protocol_number or "_____",
        "protocol_date": long_date(day) if day else "«___» __________ 20___ г.",
        "relevance": lines(paper.relevance),
        "aim": lines(paper.aim),
        "tasks": list(paper.tasks),
        "audience": lines(paper.audience),
        "results": list(paper.results),
        "forms": lines(paper.forms),
        "term": paper.term,
        "topics": [_topic(place, topic) for place, topic in enumerate(paper.topics, start=1)],
        "totals": {name: hours(sum(getattr(topic, name) for topic in paper.topics)) for name in HOURS},
        "has_contents": any(topic.content for topic in paper.topics),
        "control": lines(paper.control),
        "conditions": lines(paper.conditions),
        "sources": list(paper.sources),
    }


def _protocol_forms(paper: ProtocolPaper) -> list[Form]:
    return [
        _form(
            f"speaker_{place}",
            _l("Who was heard on item %(number)s (accusative)", number=place),
            _person(item.speaker, Case.ACCUSATIVE, with_initials=True),
        )
        for place, item in enumerate(paper.items, start=1)
        if item.speaker
    ]


def _protocol(paper: ProtocolPaper, wordings: Mapping[str, str]) -> Values:
    return {
        "is_extract": paper.is_extract,
        "number": paper.number,
        "date": long_date(paper.date),
        "place": paper.place,
        "council": paper.council,
        "chair": paper.chair.signed,
        "secretary": paper.secretary.signed,
        "present": [joined([person.name.signed, lowered(person.position)]) for person in paper.present],
        "present_count": str(len(paper.present)),
        "items": [
            _protocol_item(place, item, wordings.get(f"speaker_{place}", ""))
            for place, item in enumerate(paper.items, start=1)
        ],
    }


def _protocol_item(place: int, item: ProtocolItem, speaker: str) -> Values:
    votes: Sequence[int] = item.votes or ()
    return {
        "number": str(place),
        "topic": ended(item.topic),
        "speaker": speaker,
        "heard": lines(ended(item.heard)),
        "spoke": [ended(text) for text in item.spoke],
        "decided": lines(ended(item.decided)),
        "votes": "«за» – {}, «против» – {}, «воздержались» – {}".format(*votes) if votes else "",
    }


def _schedule(paper: SchedulePaper) -> Values:
    return {
        "host_full_name": paper.host.full_name,
        "host": paper.host.name,
        "title": paper.title,
        "direction": paper.direction,
        "term": f"с {long_date(paper.begins_on)} по {long_date(paper.ends_on)}",
        "approved_position": raised(paper.approved_by.position),
        "approved_name": paper.approved_by.name.signed,
        "leader": paper.leader.name.signed,
        "zone": paper.zone,
        "meetings": [_meeting(place, line) for place, line in enumerate(paper.meetings, start=1)],
        "total": hours(sum((line.hours for line in paper.meetings), Decimal(0))),
    }


def _meeting(place: int, line: MeetingLine) -> Values:
    return {
        "number": str(place),
        "date": short_date(line.date),
        "time": line.time,
        "topic": line.topic,
        "form": line.form,
        "hours": hours(line.hours),
        "place": line.place,
        "responsible": line.responsible.signed,
    }


def _end_forms(paper: EndPaper) -> list[Form]:
    found = [
        _institution("host_genitive", _l("Whose site ends (genitive)"), paper.host, Case.GENITIVE),
    ]
    if paper.leader:
        name = decline_name(paper.leader.name, Case.DATIVE, with_initials=True)
        position = _position(paper.leader, Case.DATIVE)
        text = raised(" ".join(filter(None, [position.text, name.text])))
        leader = Declined(text, name.is_sure and position.is_sure)
        found.append(_form("leader_dative", _l("Leader who hands the papers over (dative)"), leader))
    return [*found, *_control(paper.control)]


def _end(paper: EndPaper) -> Values:
    return {
        **_of_any_order(paper),
        "reason": ended(paper.reason),
        "ends_on": long_date(paper.ends_on),
        "leader_dative": "",
        "intakes": [_ended_intake(intake) for intake in paper.intakes],
        "trainees": [
            {
                "number": str(place),
                "name": trainee.name.full,
                "organisation": trainee.organisation,
                "intake": code,
                "outcome": trainee.outcome,
            }
            for place, (code, trainee) in enumerate(
                ((intake.code, trainee) for intake in paper.intakes for trainee in intake.trainees), start=1
            )
        ],
    }


def _ended_intake(intake: EndedIntakeLine) -> Values:
    return {
        "code": intake.code,
        "programme": intake.programme,
        "term": f"{short_date(intake.begins_on)} \N{EN DASH} {short_date(intake.ends_on)}",
        "outcome": intake.outcome,
    }


def _individual_plan(paper: IndividualPlanPaper) -> Values:
    day = paper.agreed_on
    return {
        "host": paper.host,
        "person": paper.person.name.full,
        "person_signed": paper.person.name.signed,
        "position": lowered(paper.person.position),
        "organisation": paper.person.organisation,
        "programme": paper.programme,
        "term": f"{short_date(paper.begins_on)} \N{EN DASH} {short_date(paper.ends_on)}",
        "hours": hours(paper.hours),
        "aim": lines(paper.aim),
        "points": [
            {
                "number": str(place),
                "title": point.title,
                "form": point.form,
                "dates": point.dates,
                "hours": point.hours,
                "result": point.result,
                "done": point.done,
            }
            for place, point in enumerate(paper.points, start=1)
        ],
        "consultations": list(paper.consultations),
        "leader": _named(paper.leader),
        "leader_signed": paper.leader.name.signed,
        "agreed_on": long_date(day) if day else "«___» __________ 20___ г.",
        "place": paper.place,
        "year": paper.year,
    }
