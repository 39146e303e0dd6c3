"""Lists of all sites, programmes and intakes: filters in the address, pages, workbooks, a constant cost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from lti_app.centre.dashboard import due_on
from lti_app.core.db import Database
from lti_app.people.models import Organisation
from lti_app.programmes.models import ProgrammeVersion, VersionState
from lti_app.sites.models import OrderKind, Site, SiteOrder
from lti_app.sites.states import EXPIRES_SOON, SiteState, state_on
from tests.lti_app.centre.town import TODAY, Town, another, in_every_state
from tests.lti_app.web.visits import visit

LISTS = ("/centre/sites", "/centre/programmes", "/centre/intakes")
DIRECTIONS = {
    "active": "Современный урок",
    "to_come": "Будущее",
    "expiring": "Истекающее",
    "expired": "Истекшее",
    "ended": "Прекращённое",
}


def rows(page: str) -> list[str]:
    """Return the words of the links that lead on from the rows of a list."""
    return [part.split('">')[1].split("</a>")[0] for part in page.split('<div class="row-what"><a href="')[1:]]


def workbook(town: Town, address: str, **asked: str) -> list[tuple[object, ...]]:
    answer = town.centre.get(address, query_string={"as": "xlsx", **asked})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return list(load_workbook(BytesIO(answer.data)).worksheets[0].values)


@pytest.mark.parametrize("state", DIRECTIONS)
def test_sites_are_left_by_state(town: Town, database: Database, state: str) -> None:
    with database.transaction() as session:
        in_every_state(session, town)

    assert rows(town.page("/centre/sites", state=state)) == [DIRECTIONS[state]]


def test_the_list_says_the_same_state_as_the_sites_page(town: Town, database: Database) -> None:
    with database.transaction() as session:
        in_every_state(session, town)
        another(session, town, "last-day", "В последний день", until=TODAY)
        another(session, town, "ninety", "За 90 дней", until=TODAY + EXPIRES_SOON)
        gap = another(session, town, "gap", "Между приказами", until=TODAY - timedelta(days=1))
        later = TODAY + timedelta(days=10)
        session.add(
            SiteOrder(
                site_id=gap.site.id,
                number="2",
                signed_on=TODAY,
                valid_from=later,
                valid_until=later + timedelta(days=300),
                kind=OrderKind.RENEWAL,
            )
        )
    with database.session(writes=False) as session:
        wanted = {site.direction: state_on(site, TODAY) for site in session.scalars(select(Site))}

    assert {
        direction: state for state in SiteState for direction in rows(town.page("/centre/sites", state=state.value))
    } == wanted
    with database.session(writes=False) as session:
        counted = due_on(session, TODAY).states
    assert {name: next(state for state, n in counts.items() if n) for name, counts in counted.items()} == wanted


def test_sites_are_searched_by_direction_organisation_code_and_leader(town: Town, database: Database) -> None:
    with database.transaction() as session:
        other = another(session, town, "b", "Инклюзия")
        other.leader.last_name = "Ершова"

    for asked in ("инклюз", "ШКОЛА b", "site-b", "Ершова", "ершова"):
        assert rows(town.page("/centre/sites", q=asked)) == ["Инклюзия"], asked
    assert rows(town.page("/centre/sites", q="такого нет")) == []
    assert rows(town.page("/centre/sites", q="%")) == []
    assert rows(town.page("/centre/sites", organisation=str(other.organisation.id))) == ["Инклюзия"]
    assert rows(town.page("/centre/sites", q="школа", direction="Инклюзия", state="active")) == ["Инклюзия"]


def test_programmes_are_shown_by_their_newest_version_and_left_by_state(town: Town, database: Database) -> None:
    with database.transaction() as session:
        other = another(session, town, "b", "Инклюзия", title="Тьютор")
        draft = ProgrammeVersion(
            programme_id=other.programme.id,
            number=2,
            title="Тьютор в школе",
            hours=Decimal(24),
            hours_needed=Decimal(24),
            state=VersionState.DRAFT,
        )
        session.add(draft)
    ours = town.world.version.title

    assert rows(town.page("/centre/programmes")) == ["Тьютор в школе", ours]
    assert rows(town.page("/centre/programmes", state="draft")) == ["Тьютор в школе"]
    assert rows(town.page("/centre/programmes", state="approved")) == [ours]
    assert rows(town.page("/centre/programmes", q="ТЬЮТОР")) == ["Тьютор в школе"]
    assert rows(town.page("/centre/programmes", site=str(other.site.id))) == ["Тьютор в школе"]
    assert rows(town.page("/centre/programmes", direction="Современный урок")) == [ours]


def test_intakes_are_left_by_time_publication_and_free_places(town: Town, database: Database) -> None:
    day = timedelta(days=1)
    with database.transaction() as session:
        coming = another(session, town, "b", "Инклюзия", title="Будущий").intake
        coming.starts_on, coming.ends_on, coming.published_at = TODAY + day, TODAY + 9 * day, None
        over = another(session, town, "c", "Игра", title="Прошедший").intake
        over.starts_on, over.ends_on = TODAY - 9 * day, TODAY - day
        full = another(session, town, "d", "Музыка", title="Полный")
        full.intake.capacity = 1
        full.trainee()
        full.trainee(left=True)
        session.flush()
    ours = town.world.version.title

    def found(**asked: str) -> set[str]:
        return set(rows(town.page("/centre/intakes", **asked)))

    assert found(when="running") == {ours, "Полный"}
    assert found(when="coming") == {"Будущий"}
    assert found(when="over") == {"Прошедший"}
    assert found(published="no") == {"Будущий"}
    assert found(published="yes") == {ours, "Прошедший", "Полный"}
    assert found(free="yes") == {ours, "Будущий", "Прошедший"}
    assert found(free="yes", when="running") == {ours}
    assert found(q="intake-c") == {"Прошедший"}
    assert "занято мест: 1 из 1" in town.page("/centre/intakes", q="Полный")


@pytest.mark.parametrize(
    "asked",
    [
        "page=99999999999999999999",
        "page=-1",
        "page=x",
        "state=x&when=x&published=x",
        "state=",
        "organisation=99999999999999999999&site=99999999999999999999",
        "organisation=x&site=²",
        "direction=%27%3B--",
        "q=%5C%25_%27",
        "as=x",
        "unknown=1",
    ],
)
def test_nonsense_in_an_address_breaks_no_list(town: Town, asked: str) -> None:
    for address in LISTS:
        assert town.centre.get(f"{address}?{asked}").status_code == 200


@pytest.mark.parametrize("address", LISTS)
def test_a_state_that_there_is_not_hides_nothing(town: Town, address: str) -> None:
    assert len(rows(town.page(address, state="x", when="x", published="x", site="x", organisation="x"))) == 1


def test_pages_follow_one_another_and_keep_the_filters(town: Town, database: Database) -> None:
    many(database, town, 60)
    first, second = (town.page("/centre/sites", direction="Много", state="active", page=page) for page in "12")

    assert (len(rows(first)), len(rows(second))) == (50, 10)
    assert "page=2&amp;direction=%D0%9C%D0%BD%D0%BE%D0%B3%D0%BE&amp;state=active" in first
    assert 'rel="next"' not in second
    assert not set(ids(first)) & set(ids(second))
    assert "51–60 из 60" in second
    assert len(rows(town.page("/centre/sites", direction="Много", page="9"))) == 10


def ids(page: str) -> list[str]:
    return [part.split('"')[0] for part in page.split('<div class="row-what"><a href="')[1:]]


def many(database: Database, town: Town, number: int, mark: str = "m") -> None:
    """Add sites with an organisation, a programme and an intake each."""
    with database.transaction() as session:
        for place in range(number):
            another(session, town, f"{mark}{place}", "Много", title=f"Программа {place}")


@pytest.mark.parametrize("address", LISTS)
def test_a_list_asks_as_often_for_many_rows_as_for_few(town: Town, database: Database, address: str) -> None:
    few = [town.queries(address), town.queries(f"{address}?as=xlsx")]
    many(database, town, 30)

    assert [town.queries(address), town.queries(f"{address}?as=xlsx")] == few
    assert 0 < max(few) <= 8


def test_a_workbook_has_the_filtered_list_whole_and_not_its_page(town: Town, database: Database) -> None:
    many(database, town, 60)

    assert len(workbook(town, "/centre/sites", direction="Много", page="2")) == 61
    assert len(workbook(town, "/centre/programmes", direction="Много")) == 61
    assert len(workbook(town, "/centre/intakes", q="Программа 7")) == 2


def test_workbooks_say_what_the_lists_say(town: Town) -> None:
    world = town.world
    site = workbook(town, "/centre/sites")[1]
    assert site[:4] == ("site-a", "Современный урок", "Школа a", "Руководителева Раиса")
    assert site[4].date() == world.order.valid_until
    assert workbook(town, "/centre/programmes")[1] == (world.version.title, "Школа a", 24, "одобрена советом")
    intake = workbook(town, "/centre/intakes")[1]
    assert intake[:3] == ("intake-a", world.version.title, "Школа a")
    assert [day.date() for day in intake[3:5]] == [world.intake.starts_on, world.intake.ends_on]
    assert intake[5:] == (100, 0)


@pytest.mark.parametrize("state", DIRECTIONS)
def test_the_workbook_of_sites_says_the_state_in_the_words_of_the_page(
    town: Town, database: Database, state: str
) -> None:
    with database.transaction() as session:
        in_every_state(session, town)
    headings, *sites = workbook(town, "/centre/sites")
    said = {line[1]: line[-1] for line in sites}[DIRECTIONS[state]]

    page = town.page("/centre/sites", state=state)
    assert headings[-1] == "Состояние"
    assert said
    assert said in page.split('<div class="row-state">')[1].split("</div>")[0]


def test_a_text_that_begins_like_a_formula_stays_a_text(town: Town, database: Database) -> None:
    with database.transaction() as session:
        session.get_one(Site, town.world.site.id).direction = '=HYPERLINK("http://evil","x")'
    answer = town.centre.get("/centre/sites?as=xlsx")
    cell = load_workbook(BytesIO(answer.data)).worksheets[0]["B2"]

    assert (cell.value, cell.data_type) == ('=HYPERLINK("http://evil","x")', "s")


def test_a_sign_that_no_workbook_holds_does_not_break_one(town: Town, database: Database) -> None:
    with database.transaction() as session:
        session.get_one(Organisation, town.world.organisation.id).name = "Школа\x02 a"

    assert [line[2] for line in workbook(town, "/centre/sites")[1:]] == ["Школа a"]


def test_the_council_reads_the_lists_and_nobody_else_does(town: Town) -> None:
    leader = visit(town.app, town.world, town.world.leader)

    for address in (*LISTS, "/centre/calendar"):
        assert town.council.get(address).status_code == 200
        assert leader.get(address).status_code == 403
    assert town.council.get("/centre").status_code == 403
