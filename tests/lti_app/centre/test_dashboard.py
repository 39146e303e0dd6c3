"""The centre's first page: what is due, who is late, sites by direction and state; at a constant cost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from lti_app.centre.dashboard import SHOWN, due_on
from lti_app.core.db import Database
from lti_app.intakes.models import PlaceRequest, RequestState
from lti_app.programmes.models import ProgrammeVersion, VersionState
from lti_app.sites.models import ApplicationState, SiteApplication
from tests.conftest import MovableClock
from tests.lti_app.centre.town import TODAY, Town, another, in_every_state
from tests.lti_app.world import NOW, World

DAY = timedelta(days=1)


def application(session: Session, world: World, state: ApplicationState, direction: str) -> SiteApplication:
    made = SiteApplication(
        state=state,
        applicant_id=world.organisation.id,
        host_id=world.organisation.id,
        author_id=world.leader.id,
        leader_id=world.leader.id,
        direction=direction,
        experience="Пилотная площадка",
        remarks="Добавьте итоги" if state is ApplicationState.RETURNED else None,
        achievements="Победитель конкурса",
        term_years=3,
        created_at=NOW,
        submitted_at=NOW,
    )
    session.add(made)
    session.flush()
    return made


def waiting(session: Session, world: World, title: str) -> ProgrammeVersion:
    version = ProgrammeVersion(
        programme_id=world.programme.id,
        number=2,
        title=title,
        hours=Decimal(24),
        hours_needed=Decimal(24),
        state=VersionState.SUBMITTED,
        submitted_at=NOW,
    )
    session.add(version)
    session.flush()
    return version


def line(page: str, words: str) -> str:
    """Return the row of the page that has these words."""
    rows = [row.split("</li>")[0] for row in page.split('<li class="row-card">')[1:]]
    found = [row for row in rows if words in row]
    assert len(found) == 1, (words, len(found))
    return found[0]


def test_where_nothing_is_due_it_is_said(town: Town, database: Database) -> None:
    page = town.page("/centre")

    assert "Срочных дел нет." in page
    assert "Современный урок" in page.split('id="states"')[1]


def test_applications_wait_to_be_looked_at_and_for_their_order(town: Town, database: Database) -> None:
    with database.transaction() as session:
        application(session, town.world, ApplicationState.SUBMITTED, "Поданная")
        application(session, town.world, ApplicationState.ACCEPTED, "Принятая")
        application(session, town.world, ApplicationState.DRAFT, "Черновик")
        application(session, town.world, ApplicationState.RETURNED, "Возвращённая")
    page = town.page("/centre")

    assert "рассмотреть заявку" in line(page, "Поданная")
    assert "оформить приказ" in line(page, "Принятая")
    assert "Черновик" not in page
    assert "Возвращённая" not in page


def test_many_new_applications_do_not_hide_those_that_wait_for_an_order(town: Town, database: Database) -> None:
    with database.transaction() as session:
        for number in range(2 * SHOWN + 1):
            application(session, town.world, ApplicationState.SUBMITTED, f"Поданная {number}")
        application(session, town.world, ApplicationState.ACCEPTED, "Принятая")
        due = due_on(session, TODAY)

    assert len(due.submitted) == SHOWN
    assert [one.direction for one in due.accepted] == ["Принятая"]


def test_terms_that_run_out_come_with_their_day_and_ended_sites_do_not(town: Town, database: Database) -> None:
    with database.transaction() as session:
        in_every_state(session, town)
        another(session, town, "ninety", "За 90 дней", until=TODAY + 90 * DAY)
        due = due_on(session, TODAY)

        assert [(one.site.direction, one.until) for one in due.terms] == [
            ("Истекшее", TODAY - DAY),
            ("Истекающее", TODAY + 89 * DAY),
        ]
    page = town.page("/centre")
    assert "text-danger" in line(page, "Истекшее")
    assert "text-warning" in line(page, "Истекающее")


def test_programmes_wait_for_the_council_oldest_first(town: Town, database: Database) -> None:
    with database.transaction() as session:
        waiting(session, town.world, "Поздняя")
        early = waiting(session, another(session, town, "b", "Инклюзия"), "Ранняя")
        early.submitted_at = NOW - DAY
    page = town.page("/centre")

    assert page.index("Ранняя") < page.index("Поздняя")
    assert "ожидает решения совета" in line(page, "Ранняя")


def test_a_leader_without_an_approved_programme_is_late_while_the_site_is_in_force(
    town: Town, database: Database
) -> None:
    """4.2."""
    with database.transaction() as session:
        for code, direction, until in (("b", "Без программы", TODAY), ("c", "Истёкшая без программы", TODAY - DAY)):
            place = another(session, town, code, direction, until=until)
            session.delete(place.intake)
            session.flush()
            place.programme.site_id = town.world.site.id
            session.flush()
        coming = another(session, town, "d", "Будущая без программы", begins=TODAY + DAY)
        session.delete(coming.intake)
        coming.programme.site_id = town.world.site.id
        session.flush()
        assert [site.direction for site in due_on(session, TODAY).without_programme] == ["Без программы"]


@pytest.mark.parametrize(
    ("starts_in", "is_published", "course_id", "is_due"),
    [
        (0, False, None, True),
        (14, True, None, True),
        (14, True, 12, False),
        (15, False, None, False),
        (-1, False, None, False),
    ],
)
def test_intakes_that_start_soon_unready_are_due(
    town: Town, database: Database, starts_in: int, is_published: bool, course_id: int | None, is_due: bool
) -> None:
    with database.transaction() as session:
        intake = another(session, town, "b", "Инклюзия").intake
        intake.starts_on, intake.ends_on = TODAY + starts_in * DAY, TODAY + 60 * DAY
        intake.published_at = NOW if is_published else None
        intake.course_id, intake.course_tied_by = course_id, "night" if course_id else None
        session.flush()
        assert [one.id for one in due_on(session, TODAY).starting] == ([intake.id] if is_due else [])


def test_requests_that_wait_for_a_head_are_counted(town: Town, database: Database) -> None:
    with database.transaction() as session:
        world = town.world
        world.session = session
        session.add_all([world.intake, world.organisation])
        for state in (RequestState.WITH_HEAD, RequestState.WITH_HEAD, RequestState.DECLINED):
            person = world.person()
            session.add(
                PlaceRequest(
                    intake_id=world.intake.id, person_id=person.id, state=state, asked_at=NOW, asked_by="person"
                )
            )
        session.flush()
        assert due_on(session, TODAY).requests == 2


@pytest.mark.parametrize(
    ("today", "until"),
    [
        (date(2027, 4, 30), None),
        (date(2027, 5, 1), date(2027, 6, 15)),
        (date(2027, 6, 15), date(2027, 6, 15)),
        (date(2027, 7, 30), date(2027, 6, 15)),
        (date(2027, 7, 31), None),
    ],
)
def test_reports_are_due_by_15_june(database: Database, today: date, until: date | None) -> None:
    """4.3, 6.2."""
    with database.session(writes=False) as session:
        assert due_on(session, today).report_until == until


def test_the_day_is_the_municipalitys(town: Town, clock: MovableClock) -> None:
    clock.moment = datetime(2027, 6, 15, 16, 59, tzinfo=UTC)  # 23:59 in Novokuznetsk
    assert "text-warning" in line(town.fresh(clock.moment).page("/centre"), "Отчёты")
    clock.moment = datetime(2027, 6, 15, 17, 0, tzinfo=UTC)
    assert "text-danger" in line(town.fresh(clock.moment).page("/centre"), "Отчёты")


def test_sites_are_counted_by_direction_and_state(town: Town, database: Database) -> None:
    with database.transaction() as session:
        in_every_state(session, town)
        another(session, town, "twin", "Современный урок")
        another(session, town, "gone", "Современный урок", ended_on=TODAY)
        states = due_on(session, TODAY).states

    assert {state.value: number for state, number in states["Современный урок"].items() if number} == {
        "active": 2,
        "ended": 1,
    }
    assert sum(sum(counts.values()) for counts in states.values()) == 7


def test_the_first_page_asks_as_often_for_much_as_for_little(town: Town, database: Database) -> None:
    def fill(mark: str) -> None:
        with database.transaction() as session:
            place = another(session, town, mark, f"Направление {mark}", until=TODAY + DAY)
            place.intake.starts_on, place.intake.published_at = TODAY + DAY, None
            waiting(session, place, f"Ждёт {mark}")
            application(session, place, ApplicationState.SUBMITTED, f"Поданная {mark}")
            application(session, place, ApplicationState.ACCEPTED, f"Принятая {mark}")

    fill("a0")
    few = town.queries("/centre")
    for number in range(15):
        fill(f"b{number}")

    assert 0 < town.queries("/centre") == few <= 14
