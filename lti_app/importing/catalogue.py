"""Bring in what stands for years: organisations, people, sites, programmes with their thematic plans."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import DomainError
from lti_app.core.saving import Saved
from lti_app.importing.bringing import Bringer, kept
from lti_app.importing.fields import Wrong
from lti_app.importing.parsing import ParsedRow
from lti_app.people.models import Organisation, Person
from lti_app.people.service import (
    OrganisationFacts,
    PersonFacts,
    check_person,
    match_person,
    save_organisation,
    save_person,
)
from lti_app.programmes.models import Mode, Programme
from lti_app.programmes.service import (
    Council,
    ProgrammeFacts,
    TopicFacts,
    build_programme,
    check_programme,
    facts_of,
    latest_version,
    save_programme,
)
from lti_app.sites.service import SiteFacts, build_site, check_site, save_site

MISLEADING = frozenset({"term_backward", "no_topics", "dates_backward"})
"""Refusals after which whatever names the row would be refused too, for no fault of its own."""


@dataclass
class Catalogue(Bringer):
    """Bring in organisations, people, sites and programmes."""

    _persons_seen: dict[int, int] = field(default_factory=dict)
    _plans: dict[str, list[ParsedRow]] = field(default_factory=lambda: defaultdict(list))
    _plans_done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        topics = self.sheets.get("topics")
        for row in topics.rows if topics else ():
            self._plans[row.values["programme"]].append(row)

    def bring_organisation(self, row: ParsedRow) -> None:
        """Create or change an organisation."""
        code = row.values["code"]
        existing = self.known.organisations.rows.get(code)
        facts = OrganisationFacts(
            code=code,
            name=row.values["name"],
            type=kept(row, "type", existing),
            short_name=kept(row, "short_name", existing),
            licensed=kept(row, "licensed", existing, False),
        )
        made, saved = save_organisation(self.session, existing, facts, actor=self.actor, now=self.now)
        self.known.organisations.rows[code] = made
        self.report.count("organisations", saved)

    def bring_person(self, row: ParsedRow) -> None:
        """Create or change a person, found by number or e-mail as both stood before this import."""
        number, email = row.values.get("moodle_idnumber"), row.values.get("email")
        people = self.known.people
        joined = self.join(row, organisation=self.known.organisations)
        try:
            existing = match_person(
                by_number=people.number_before.get(number) if number else None,
                by_email=people.email_before.get(email.casefold()) if email else None,
                moodle_idnumber=number,
            )
        except DomainError as refusal:
            self.refuse(row, [refusal])
            joined, existing = None, None
        if existing is not None and self._persons_seen.setdefault(existing.id, row.number) != row.number:
            wrong = Wrong(
                _l("The same person stands in row %(row)s already.", row=self._persons_seen[existing.id]),
                _l("Leave one of the two rows, with number and e-mail."),
                "duplicate",
            )
            self.report.problems.append(row.wrong("moodle_idnumber" if number else "email", wrong))
            joined = None
        if joined is None:
            people.spoil(number, email)
            return
        facts = PersonFacts(
            last_name=row.values["last_name"],
            first_name=row.values["first_name"],
            middle_name=kept(row, "middle_name", existing),
            moodle_idnumber=number,
            email=email,
            organisation=joined["organisation"] if "organisation" in row.values else _workplace(existing),
            position=kept(row, "position", existing),
            category=kept(row, "category", existing),
            category_until=kept(row, "category_until", existing),
        )
        if self.refuse(row, check_person(facts)):
            people.spoil(number, email)
            return
        former = existing.email if existing is not None and email is not None else None
        person, saved = save_person(self.session, existing, facts, actor=self.actor, now=self.now)
        people.put(person, former)
        self.report.count("people", saved)

    def bring_site(self, row: ParsedRow) -> None:
        """Create or change a site, its order and its leader (3.3, 4.1)."""
        code = row.values["code"]
        sites = self.known.sites
        joined = self.join(row, organisation=self.known.organisations, leader=self.known.people)
        if joined is None:
            sites.spoil(code)
            return
        existing = sites.rows.get(code)
        facts = SiteFacts(
            code=code,
            organisation=joined["organisation"],
            direction=row.values["direction"],
            leader=joined["leader"],
            order_number=row.values["order_number"],
            order_date=row.values["order_date"],
            valid_until=row.values["valid_until"],
        )
        refusals = check_site(existing, facts)
        if self.refuse(row, refusals):
            if existing is not None or _misleading(refusals):
                sites.spoil(code)
            else:
                sites.rows[code] = build_site(facts)
            return
        today = self.now.astimezone(self.zone).date()
        site, saved = save_site(self.session, existing, facts, actor=self.actor, now=self.now, today=today)
        sites.rows[code] = site
        self.report.count("sites", saved)

    def bring_programme(self, row: ParsedRow) -> None:
        """Create or change a programme with its thematic plan; what was approved gets a new version (4.2)."""
        code = row.values["code"]
        programmes = self.known.programmes
        joined = self.join(row, site=self.known.sites)
        self._plans_done.add(code)
        if joined is None or self._plan_is_unread(code):
            programmes.spoil(code)
            return
        existing = programmes.rows.get(code)
        latest = latest_version(existing) if existing is not None else None
        values, council = row.values, None
        if values.get("council_protocol") and values.get("council_date"):
            council = Council(values["council_protocol"], values["council_date"])
        plan = self._plan(code)
        if not plan and latest is not None:
            plan = facts_of(latest).topics
        needed = kept(row, "hours_needed", latest)
        if "hours_needed" not in values and latest is not None and latest.hours_needed == latest.hours:
            needed = None  # all hours were asked for: they still are, however many there are now
        facts = ProgrammeFacts(
            code=code,
            site=joined["site"],
            title=values["title"],
            hours=values["hours"],
            topics=plan,
            goals=kept(row, "goals", latest),
            hours_needed=needed,
            needs_completion=kept(row, "needs_completion", latest, False),
            council=council,
        )
        self._save_programme(row, existing, facts)

    def bring_topic(self, row: ParsedRow) -> None:
        """Change the thematic plan of a programme that the sheet of programmes doesn't name."""
        code = row.values["programme"]
        joined = self.join(row, programme=self.known.programmes)
        if joined is None or code in self._plans_done or self._plan_is_unread(code):
            return
        self._plans_done.add(code)
        existing: Programme = joined["programme"]
        facts = replace(facts_of(latest_version(existing)), topics=self._plan(code))
        self._save_programme(row, existing, facts)

    def _plan_is_unread(self, code: str) -> bool:
        topics = self.sheets.get("topics")
        return topics is not None and (topics.unusable or code in {str(key) for key in topics.unread})

    def _plan(self, code: str) -> tuple[TopicFacts, ...]:
        rows = sorted(self._plans.get(code, ()), key=lambda row: int(row.values["position"]))
        return tuple(
            TopicFacts(
                position=row.values["position"],
                title=row.values["title"],
                form=row.values["form"],
                mode=row.values.get("mode") or Mode.ON_SITE,
                hours=row.values["hours"],
            )
            for row in rows
        )

    def _save_programme(self, row: ParsedRow, existing: Programme | None, facts: ProgrammeFacts) -> None:
        programmes = self.known.programmes
        refusals = check_programme(existing, facts)
        if self.refuse(row, refusals) or facts.site.id is None:
            if existing is not None or _misleading(refusals):
                programmes.spoil(facts.code)
            else:
                programmes.rows[facts.code] = build_programme(facts)
            return
        before = {topic.position: topic for topic in facts_of(latest_version(existing)).topics} if existing else {}
        programme, saved = save_programme(self.session, existing, facts, actor=self.actor, now=self.now)
        programmes.rows[facts.code] = programme
        if row.sheet.kind.name == "programmes":
            self.report.count("programmes", saved)
        for topic in self._plan(facts.code):
            former = before.get(topic.position)
            changed = Saved.UNCHANGED if former == topic else Saved.CHANGED
            self.report.count("topics", Saved.CREATED if former is None else changed)


def _workplace(person: Person | None) -> Organisation | None:
    return None if person is None else person.organisation


def _misleading(refusals: list[Any]) -> bool:
    return any(refusal.code in MISLEADING for refusal in refusals)
