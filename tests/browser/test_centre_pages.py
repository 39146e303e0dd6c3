"""Every page of the centre, of people and of places in a real browser: on a phone and on a desk nothing is amiss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy.orm import Session

from lti_app.core.permissions import Role
from lti_app.intakes.models import (
    Admission,
    Intake,
    IntakeOrganisation,
    PlaceRequest,
    RequestState,
    Trainee,
    TraineeState,
)
from lti_app.people.models import Category, Organisation, OrganisationHead, Person
from lti_app.programmes.models import Sitting, VersionState
from lti_app.sites.models import ApplicationState, EndGrounds, Site, SiteApplication, SiteEnd
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, grant, look_at
from tests.lti_app.world import NOW, World

TODAY = date(2026, 11, 24)
LONG_NAME = (
    "Муниципальное бюджетное общеобразовательное учреждение «Средняя общеобразовательная школа № 14 с углублённым "
    "изучением отдельных предметов» Полысаевского городского округа"
)
DIRECTIONS = (
    "Современный урок",
    "Психолого-педагогическое сопровождение обучающихся с ограниченными возможностями здоровья",
    "Наставничество",
)
TEACHERS = (
    ("Абрамова", "Ольга", "Викторовна", "учитель начальных классов"),
    ("Васильченко-Островская", "Екатерина", "Александровна", "учитель-логопед"),
    ("Гурьев", "Илья", "Петрович", None),
    ("Жукова", "Татьяна", "Андреевна", "педагог дополнительного образования"),
)


@dataclass(frozen=True)
class Municipality:
    """Hold those who visit, and the ids that addresses need."""

    world: World
    specialist: Person
    member: Person
    head: Person
    teacher: Person
    open_id: int
    draft_id: int
    broken_off_id: int
    ended_site_id: int
    programme_id: int

    def visitor(self, who: str) -> Person:
        """Return the person whom a row of PAGES names."""
        people = {
            "centre": self.specialist,
            "council": self.member,
            "head": self.head,
            "teacher": self.teacher,
            "leader": self.world.leader,
        }
        return people[who]


Address = Callable[[Municipality], str]
PAGES: dict[str, tuple[str, Address]] = {
    "centre-desk": ("centre", lambda town: "/centre"),
    "centre-sites": ("centre", lambda town: "/centre/sites"),
    "centre-sites-none": ("centre", lambda town: "/centre/sites?q=такого+нет"),
    "centre-programmes": ("centre", lambda town: "/centre/programmes"),
    "centre-intakes": ("centre", lambda town: "/centre/intakes"),
    "centre-intakes-filtered": ("council", lambda town: "/centre/intakes?when=coming&free=yes"),
    "centre-calendar": ("centre", lambda town: "/centre/calendar"),
    "feedback-questions": ("centre", lambda town: "/feedback/questions"),
    "people": ("centre", lambda town: "/people"),
    "people-filtered": ("centre", lambda town: "/people?q=гурь&category=none"),
    "person": ("centre", lambda town: f"/people/{town.teacher.id}"),
    "person-new": ("centre", lambda town: "/people/new"),
    "organisations": ("centre", lambda town: "/organisations"),
    "organisation": ("centre", lambda town: f"/organisations/{town.world.organisation.id}"),
    "organisation-new": ("centre", lambda town: "/organisations/new"),
    "site-of-the-centre": ("centre", lambda town: f"/sites/{town.world.site.id}"),
    "site-ended": ("centre", lambda town: f"/sites/{town.ended_site_id}"),
    "list-of-sites": ("centre", lambda town: "/sites/list"),
    "paper-of-an-order": ("centre", lambda town: f"/sites/{town.world.site.id}/orders/{town.world.order.id}/paper"),
    "paper-of-the-list": ("centre", lambda town: "/sites/list/paper"),
    "paper-of-a-programme": ("leader", lambda town: f"/programmes/versions/{town.world.version.id}/paper"),
    "intake-overview": ("centre", lambda town: f"/intakes/{town.open_id}/overview"),
    "intake-overview-broken-off": ("council", lambda town: f"/intakes/{town.broken_off_id}/overview"),
    "intake-new": ("leader", lambda town: f"/intakes/new?programme={town.programme_id}"),
    "intake-settings": ("leader", lambda town: f"/intakes/{town.open_id}/settings"),
    "intake-to-publish": ("leader", lambda town: f"/intakes/{town.draft_id}/settings"),
    "places-enrolled": ("leader", lambda town: f"/intakes/{town.open_id}/places"),
    "places-waiting": ("leader", lambda town: f"/intakes/{town.open_id}/places?list=waiting"),
    "places-declined": ("centre", lambda town: f"/intakes/{town.open_id}/places?list=closed"),
    "places-found": ("leader", lambda town: f"/intakes/{town.open_id}/places?who=Жук#adding"),
    "places-to-confirm": ("head", lambda town: "/places/to-confirm"),
    "places-without-a-head": ("centre", lambda town: "/places/to-confirm"),
    "places-of-the-council": ("council", lambda town: "/places/to-confirm"),
    "places-open": ("teacher", lambda town: "/places"),
    "leader-with-intakes": ("leader", lambda town: "/"),
    "teacher-first-page": ("teacher", lambda town: "/"),
    "head-first-page": ("head", lambda town: "/"),
}


def _named(person: Person, last_name: str, first_name: str, middle_name: str, position: str | None = None) -> Person:
    person.last_name, person.first_name, person.middle_name = last_name, first_name, middle_name
    person.position = position
    return person


def _asked(
    session: Session, intake: Intake, person: Person, state: RequestState, *, minutes: int = 0, **values: object
) -> None:
    at = NOW - timedelta(hours=3) + timedelta(minutes=minutes)
    queued_at = at if state in (RequestState.WAITING, RequestState.GRANTED) else None
    session.add(
        PlaceRequest(
            intake_id=intake.id,
            person_id=person.id,
            state=state,
            asked_at=at,
            queued_at=queued_at,
            asked_by=f"person:{person.id}",
            **values,
        )
    )


def _intake(world: World, code: str, days: int, *, published: bool = True, **values: object) -> Intake:
    intake = Intake(
        code=code,
        version=world.version,
        moodle=world.moodle,
        starts_on=TODAY + timedelta(days=days),
        ends_on=TODAY + timedelta(days=days + 60),
        published_at=NOW - timedelta(days=1) if published else None,
        **{"capacity": 2, "admission": Admission.MUNICIPALITY, **values},
    )
    world.session.add(intake)
    world.session.flush()
    return intake


def found_municipality(app: Flask) -> Municipality:
    """Fill the database: sites in every state, programmes, intakes open, full, broken off; requests, a sitting."""
    with app.extensions["ploshchadka"].database.transaction() as session:
        world = World(session, title="Функциональная грамотность: задания и оценивание", capacity=15)
        world.organisation.name, world.organisation.short_name = LONG_NAME, "Школа № 14"
        world.organisation.address = "652560, Кемеровская область — Кузбасс, г. Полысаево, ул. Космонавтов, 88"
        world.site.direction = DIRECTIONS[0]
        _named(world.leader, "Киселёва", "Раиса", "Павловна", "учитель русского языка и литературы")
        specialist = _named(world.person(), "Центрова", "Инна", "Олеговна", "методист")
        member = _named(world.person(), "Советова", "Ирина", "Олеговна", "заместитель директора")
        head = _named(world.person(), "Директорова", "Людмила", "Анатольевна", "директор")
        session.add(OrganisationHead(organisation_id=world.organisation.id, person_id=head.id, since=date(2024, 8, 1)))
        teachers = [_named(world.person(), *names) for names in TEACHERS]
        teachers[1].category, teachers[1].category_until = Category.FIRST, date(2027, 3, 1)
        open_one = _intake(world, "intake-open", 10, needs_head=True, note="Возьмите ноутбук.")
        for teacher in teachers[:2]:
            session.add(Trainee(intake=open_one, person=teacher, state=TraineeState.ENROLLED, enrolled_at=NOW))
        _asked(session, open_one, teachers[2], RequestState.WAITING)
        _asked(session, open_one, teachers[3], RequestState.WITH_HEAD)
        refused = _named(world.person(), "Белоусова", "Наталья", "Сергеевна", "воспитатель")
        _asked(session, open_one, refused, RequestState.DECLINED, closed_at=NOW, reason="Идёт аттестация")
        draft = _intake(world, "intake-draft", 12, published=False, admission=Admission.ORGANISATIONS)
        session.add(IntakeOrganisation(intake_id=draft.id, organisation_id=world.organisation.id))
        _intake(world, "intake-free", 30, capacity=20)
        broken_off = _intake(world, "intake-off", -30, broken_off_on=TODAY, capacity=20)
        ended = _others(session, world)
        session.flush()
        town = Municipality(
            world=world,
            specialist=specialist,
            member=member,
            head=head,
            teacher=teachers[3],
            open_id=open_one.id,
            draft_id=draft.id,
            broken_off_id=broken_off.id,
            ended_site_id=ended.id,
            programme_id=world.programme.id,
        )
    grant(app, world, specialist, Role.CENTRE)
    grant(app, world, member, Role.COUNCIL)
    return town


def _others(session: Session, world: World) -> Site:
    """Put down two more sites: one whose term runs out and whose programme waits, one that has ended."""
    second = World(session, "b", moodle=world.moodle, state=VersionState.DRAFT, published=False)
    second.organisation.name = "МБДОУ «Детский сад № 52 комбинированного вида»"
    second.site.direction = second.version.title = DIRECTIONS[1]
    second.version.state, second.version.submitted_at = VersionState.SUBMITTED, NOW - timedelta(days=4)
    second.order.valid_until = TODAY + timedelta(days=6)
    headless = _named(second.person(), "Ермакова", "Светлана", "Юрьевна", "воспитатель")
    waiting = _intake(world, "intake-headless", 20, needs_head=True)
    _asked(session, waiting, headless, RequestState.WITH_HEAD)
    third = World(session, "c", moodle=world.moodle, title="Наставничество: первый год в школе")
    third.organisation.name, third.site.direction = "МБОУ «Школа № 44 имени Героя»", DIRECTIONS[2]
    third.intake.ends_on = TODAY - timedelta(days=3)
    end = SiteEnd(
        site_id=third.site.id,
        grounds=EndGrounds.ORGANISATION,
        paper_number="12",
        paper_date=TODAY - timedelta(days=2),
        order_number="140",
        order_date=TODAY - timedelta(days=1),
        ends_on=TODAY,
        reason="Программа реализована",
        decided_at=NOW,
        decided_by="Центрова Инна Олеговна",
    )
    third.site.ended_on, third.site.ended_because = TODAY, "Программа реализована"
    session.add_all([end, Sitting(held_on=TODAY + timedelta(days=9), starts_at="14:30", created_at=NOW)])
    for state in (ApplicationState.SUBMITTED, ApplicationState.ACCEPTED):
        session.add(
            SiteApplication(
                applicant_id=world.organisation.id,
                host_id=world.organisation.id,
                direction="Инклюзивное образование",
                topic="Сопровождение обучающихся",
                experience="Пилотная площадка 2024 года",
                equipment="Сенсорная комната",
                leader_id=world.leader.id,
                achievements="Победитель конкурса",
                state=state,
                submitted_at=NOW - timedelta(days=2),
                created_at=NOW - timedelta(days=3),
            )
        )
    for number in range(60):
        session.add(Organisation(code=f"ds-{number:02}", name=f"МБДОУ «Детский сад № {number}»", licensed=False))
    return third.site


@pytest.fixture
def town(browser_app: Flask) -> Municipality:
    return found_municipality(browser_app)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_accessible_and_fits(
    browser: Browser, browser_app: Flask, live: str, town: Municipality, name: str
) -> None:
    who, address = PAGES[name]
    with a_page(browser) as page:
        come_in_as(page, browser_app, town.world, town.visitor(who), live)
        answer = page.goto(live + address(town))
        assert answer is not None
        assert answer.ok, answer.status
        look_at(page, name)
