"""What stands in each paper, as plain values; numbers in brackets are clauses of the regulation.

Texts are Russian as they are to be printed. A text of several paragraphs has a line for each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Day = date
"""By a name of its own: papers have a field ``date``."""

INITIAL = re.compile(r"[^\W\d_](?:-[^\W\d_])?\.")
INITIALS = re.compile(rf"(?:{INITIAL.pattern}\s*)+")


@dataclass(frozen=True)
class PersonName:
    """Hold a name as it is written in the nominative; ``given`` and ``patronymic`` may be initials or empty."""

    surname: str
    given: str = ""
    patronymic: str = ""

    @classmethod
    def read(cls, text: str) -> PersonName:
        """Read «Фамилия Имя Отчество», «Фамилия И. О.» or «И. О. Фамилия»."""
        text = " ".join(text.split())
        first = INITIALS.match(text)
        if first and first.end() < len(text):
            text = f"{text[first.end() :]} {first.group()}"
        surname, _, rest = text.partition(" ")
        if INITIALS.fullmatch(rest):
            given, *more = INITIAL.findall(rest)
            return cls(surname, given, "".join(more))
        given, _, patronymic = rest.partition(" ")
        return cls(surname, given, patronymic)

    @property
    def full(self) -> str:
        """Return surname, given name and patronymic."""
        return " ".join(filter(None, (self.surname, self.given, self.patronymic)))

    @property
    def initials(self) -> str:
        """Return «Е.С.»; a patronymic of two words («Акиф оглы») gives one initial."""
        parts = (part if part.endswith(".") else f"{part[0]}." for part in (self.given, self.patronymic) if part)
        return "".join(parts)

    @property
    def signed(self) -> str:
        """Return «Е.С. Иванова», as under a signature."""
        return " ".join(filter(None, (self.initials, self.surname)))


@dataclass(frozen=True)
class Official:
    """Hold a person in a position; ``organisation`` is named where the paper is about several."""

    name: PersonName
    position: str
    organisation: str = ""


@dataclass(frozen=True)
class Institution:
    """Hold an organisation with its full name, the short one, address and head."""

    full_name: str
    short_name: str = ""
    address: str = ""
    head: Official | None = None

    @property
    def name(self) -> str:
        """Return the short name, or else the full one."""
        return self.short_name or self.full_name


@dataclass(frozen=True)
class ApplicationPaper:
    """Hold an application for the status of a site (3.2)."""

    applicant: Institution
    host: Institution
    direction: str
    topic: str
    experience: str
    leader: Official
    term_years: int
    date: Day
    signatory: Official
    addressee: Official | None = None
    category: str = ""
    achievements: str = ""
    staff: tuple[str, ...] = ()
    equipment: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrderPaper:
    """Hold an order that grants or renews the status (3.3).

    ``grounds`` continues «На основании …»; ``control`` may be typed whole, and is empty where the signatory controls.
    """

    centre: str
    number: str
    date: Day
    place: str
    grounds: str
    host: Institution
    direction: str
    valid_from: Day
    valid_until: Day
    leader: Official
    signatory: Official
    heading: str = "О присвоении статуса муниципальной стажировочной площадки"
    control: Official | str = ""
    further_items: tuple[str, ...] = ()
    acquaintance: tuple[Official, ...] = ()
    is_renewal: bool = False


@dataclass(frozen=True)
class SiteListLine:
    """Hold a site in the list."""

    organisation: str
    direction: str
    leader: str
    order: str
    valid_from: Day
    valid_until: Day


@dataclass(frozen=True)
class SiteListPaper:
    """Hold the list of sites, an annex to the order that approves it (3.4); ``on_day`` is the day it shows."""

    centre: str
    number: str
    date: Day
    municipality: str
    on_day: Day
    sites: tuple[SiteListLine, ...]
    signatory: Official


@dataclass(frozen=True)
class TopicLine:
    """Hold a topic of the thematic plan; hours are academic, and ``hours`` their sum as planned."""

    title: str
    hours: Decimal
    lectures: Decimal = Decimal(0)
    practice: Decimal = Decimal(0)
    independent: Decimal = Decimal(0)
    individual: Decimal = Decimal(0)
    distance: Decimal = Decimal(0)
    form: str = ""
    control: str = ""
    content: str = ""


@dataclass(frozen=True)
class ProgrammePaper:
    """Hold a programme of an internship with its thematic plan (4.2).

    Without ``protocol_number`` and ``protocol_date`` their places on the title page stay to be filled by hand.
    """

    host: Institution
    title: str
    direction: str
    hours: Decimal
    leader: Official
    place: str
    year: int
    approved_by: Official
    relevance: str
    aim: str
    audience: str
    topics: tuple[TopicLine, ...]
    tasks: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    forms: str = ""
    term: str = ""
    control: str = ""
    conditions: str = ""
    sources: tuple[str, ...] = ()
    council: str = "городского методического совета"
    protocol_number: str = ""
    protocol_date: Day | None = None


@dataclass(frozen=True)
class ProtocolItem:
    """Hold a point of the agenda; ``votes`` are for, against, abstained."""

    topic: str
    decided: str
    heard: str = ""
    speaker: Official | None = None
    spoke: tuple[str, ...] = ()
    votes: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class ProtocolPaper:
    """Hold the protocol of a council's sitting, or an extract of it with some of the ``items``."""

    number: str
    date: Day
    place: str
    present: tuple[Official, ...]
    items: tuple[ProtocolItem, ...]
    chair: PersonName
    secretary: PersonName
    council: str = "городского методического совета"
    is_extract: bool = True


@dataclass(frozen=True)
class MeetingLine:
    """Hold a meeting of a schedule; ``time`` is local («15:00–16:30»), ``hours`` academic."""

    date: Day
    time: str
    topic: str
    form: str
    hours: Decimal
    place: str
    responsible: PersonName


@dataclass(frozen=True)
class SchedulePaper:
    """Hold the schedule of a site's work for an intake (4.2), confirmed by the head of the organisation."""

    host: Institution
    title: str
    direction: str
    begins_on: Day
    ends_on: Day
    approved_by: Official
    leader: Official
    meetings: tuple[MeetingLine, ...]
    zone: str = ""


@dataclass(frozen=True)
class EndedTraineeLine:
    """Hold a trainee under way and what was decided."""

    name: PersonName
    organisation: str
    outcome: str


@dataclass(frozen=True)
class EndedIntakeLine:
    """Hold an intake under way, what was decided on it, and its trainees."""

    code: str
    programme: str
    begins_on: Day
    ends_on: Day
    outcome: str
    trainees: tuple[EndedTraineeLine, ...] = ()


@dataclass(frozen=True)
class EndPaper:
    """Hold the decision that ends a site (8.1); ``grounds`` continues «На основании …»."""

    centre: str
    number: str
    date: Day
    place: str
    grounds: str
    reason: str
    host: Institution
    direction: str
    ends_on: Day
    signatory: Official
    leader: Official | None = None
    heading: str = "О прекращении деятельности муниципальной стажировочной площадки"
    intakes: tuple[EndedIntakeLine, ...] = ()
    control: Official | str = ""
    acquaintance: tuple[Official, ...] = ()


@dataclass(frozen=True)
class PlanPointLine:
    """Hold a point of an individual plan; ``done`` is the mark of completion, empty for a place to write on."""

    title: str
    form: str
    dates: str
    hours: str = ""
    result: str = ""
    done: str = ""


@dataclass(frozen=True)
class IndividualPlanPaper:
    """Hold the individual plan of a trainee (5.2). Without ``agreed_on`` its date stays to be filled by hand."""

    host: str
    person: Official
    programme: str
    begins_on: Day
    ends_on: Day
    hours: Decimal
    points: tuple[PlanPointLine, ...]
    leader: Official
    aim: str = ""
    consultations: tuple[str, ...] = ()
    agreed_on: Day | None = None
    place: str = ""
    year: str = ""


@dataclass(frozen=True)
class SignInLine:
    """Hold a line of a sign-in sheet: name in full and organisation."""

    name: str
    organisation: str


@dataclass(frozen=True)
class SignInPaper:
    """Hold the sheet that people sign at a meeting; ``time`` is local, as printed. ``lines_left`` are empty lines."""

    host: str
    programme: str
    topic: str
    date: Day
    time: str
    place: str
    people: tuple[SignInLine, ...]
    responsible: Official
    lines_left: int = 0


@dataclass(frozen=True)
class JournalLine:
    """Hold a trainee of a journal: a mark for each of its dates, and the hours of those attended."""

    name: str
    marks: tuple[str, ...]
    hours: Decimal


@dataclass(frozen=True)
class JournalPaper:
    """Hold the journal of attendance of an intake; ``dates`` has a day and the hours for each meeting, by time."""

    host: str
    programme: str
    term: str
    dates: tuple[tuple[Day, Decimal], ...]
    people: tuple[JournalLine, ...]
    responsible: Official


Paper = (
    ApplicationPaper
    | OrderPaper
    | SiteListPaper
    | ProgrammePaper
    | ProtocolPaper
    | SchedulePaper
    | EndPaper
    | IndividualPlanPaper
    | SignInPaper
    | JournalPaper
)
