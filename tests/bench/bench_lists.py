"""Measure every list page over a town's worth of rows on PostgreSQL, and count the queries of each.

`python -m tests.bench.bench_lists` prints a Markdown table. 300 sites, 3,000 programmes, 10,000 intakes over four
years and 200,000 people are put into the tables; gunicorn with the project's configuration (2 workers) is asked by one
browser, page after page. Queries are counted in a tool of the same kind in this process.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from lti_app.core.edge import Tool
from lti_app.core.permissions import Role
from lti_app.core.words import plain
from lti_app.intakes.models import Admission, Intake, PlaceRequest, RequestState, Trainee, TraineeState
from lti_app.people.models import Category, Organisation, OrganisationHead, Person, RoleGrant, full_name
from lti_app.programmes.models import (
    AgendaItem,
    Form,
    Mode,
    Programme,
    ProgrammeVersion,
    Sitting,
    Topic,
    VersionState,
)
from lti_app.sites.models import ApplicationState, Site, SiteApplication, SiteLeader, SiteOrder
from tests.bench import products
from tests.bench.bench_launch import free_port, gunicorn, postgres
from tests.bench.bench_pages import Asked, cookie_of, environment_on, migrated_tool
from tests.lti_app.web.visits import visit
from tests.lti_app.world import World, behind_the_rules
from tests.querycount import counted_queries

SITES, PROGRAMMES, INTAKES, PEOPLE, ORGANISATIONS = 300, 3_000, 10_000, 200_000, 600
TRAINEES_AN_INTAKE, REQUESTS, APPLICATIONS, SITTINGS = 15, 20_000, 600, 60
ROUNDS = 60
CHUNK = 10_000
BASE = 1_000
"""Ids of what is put in begin above the world's own."""

LAST = ("Иванова", "Петрова", "Сидорова", "Кузнецова", "Васильченко", "Ким", "Оганесян", "Шевчук", "Белых", "Гёте")
FIRST = ("Анна", "Мария", "Елена", "Ольга", "Наталья", "Саша", "Пётр", "Иван", "Юлия", "Алла")
MIDDLE = (
    "Ивановна",
    "Петровна",
    "Сергеевна",
    "Олеговна",
    "Юрьевна",
    "Ильинична",
    "Львовна",
    "Игоревич",
    None,
    "Павловна",
)
DIRECTIONS = tuple(f"Направление {number}: современный урок и воспитание" for number in range(1, 13))


def put(session: Session, model: type[Any], rows: Iterator[dict[str, Any]]) -> None:
    """Insert rows of one table by chunks."""
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            session.execute(insert(model), chunk)
            chunk = []
    if chunk:
        session.execute(insert(model), chunk)


def people(dice: random.Random) -> Iterator[dict[str, Any]]:
    """Name the people; one in five has a category."""
    for number in range(PEOPLE):
        last, first, middle = f"{dice.choice(LAST)}", dice.choice(FIRST), dice.choice(MIDDLE)
        category = dice.choice((Category.HIGHEST, Category.FIRST)) if number % 5 == 0 else None
        yield {
            "id": BASE + number,
            "last_name": last,
            "first_name": first,
            "middle_name": middle,
            "name_key": plain(full_name(last, first, middle)),
            "email": f"p{number}@example.org",
            "organisation_id": BASE + number % ORGANISATIONS,
            "position": "учитель",
            "category": category,
        }


def fill(session: Session, world: World, today: date) -> None:
    """Put a town's worth of rows into the tables."""
    dice = random.Random(20)
    moment = datetime.now(UTC)
    put(
        session,
        Organisation,
        (
            {"id": BASE + n, "code": f"o{n}", "name": f"Школа № {n}", "short_name": f"Школа {n}", "licensed": False}
            for n in range(ORGANISATIONS)
        ),
    )
    put(session, Person, people(dice))
    put(
        session,
        OrganisationHead,
        ({"organisation_id": BASE + n, "person_id": BASE + n, "since": date(2020, 9, 1)} for n in range(ORGANISATIONS)),
    )
    put(
        session,
        Site,
        (
            {"id": BASE + n, "code": f"s{n}", "organisation_id": BASE + n, "direction": DIRECTIONS[n % len(DIRECTIONS)]}
            for n in range(SITES)
        ),
    )
    begins = [today - timedelta(days=dice.randrange(1, 1100)) for _ in range(SITES)]
    put(
        session,
        SiteOrder,
        (
            {
                "site_id": BASE + n,
                "number": f"{n}",
                "signed_on": begins[n],
                "valid_from": begins[n],
                "valid_until": begins[n] + timedelta(days=1090),
            }
            for n in range(SITES)
        ),
    )
    put(
        session,
        SiteLeader,
        ({"site_id": BASE + n, "person_id": BASE + 1000 + n, "since": begins[n]} for n in range(SITES)),
    )
    put(session, Programme, ({"id": BASE + n, "code": f"p{n}", "site_id": BASE + n % SITES} for n in range(PROGRAMMES)))
    put(session, ProgrammeVersion, versions(today, moment))
    put(
        session,
        Topic,
        (
            {
                "version_id": BASE + n,
                "position": position,
                "title": f"Тема {position}",
                "form": Form.SEMINAR,
                "mode": Mode.DISTANCE,
                "hours": Decimal(4),
            }
            for n in range(PROGRAMMES)
            for position in range(1, 7)
        ),
    )
    put(session, Intake, intakes(dice, world, today, moment))
    put(
        session,
        Trainee,
        (
            {
                "intake_id": BASE + n,
                "person_id": BASE + (n * TRAINEES_AN_INTAKE + k) % PEOPLE,
                "state": TraineeState.ENROLLED,
                "enrolled_at": moment,
            }
            for n in range(INTAKES)
            for k in range(TRAINEES_AN_INTAKE)
        ),
    )
    put(
        session,
        PlaceRequest,
        (
            {
                "intake_id": BASE + n % INTAKES,
                "person_id": BASE + (n * 7 + 150_000) % PEOPLE,
                "state": RequestState.WITH_HEAD if n % 4 else RequestState.WAITING,
                "asked_at": moment,
                "asked_by": "bench",
                "queued_at": moment,
            }
            for n in range(REQUESTS)
        ),
    )
    put(
        session,
        SiteApplication,
        (
            {
                "state": list(ApplicationState)[n % 4],
                "applicant_id": BASE + n,
                "host_id": BASE + n,
                "direction": DIRECTIONS[n % len(DIRECTIONS)],
                "experience": "опыт",
                "achievements": "достижения",
                "leader_id": BASE + n,
                "term_years": 3,
                "created_at": moment,
                "submitted_at": moment,
                "remarks": "уточните",
            }
            for n in range(APPLICATIONS)
        ),
    )
    put(
        session,
        Sitting,
        (
            {"id": BASE + n, "held_on": today + timedelta(days=30 * (n - SITTINGS + 3)), "created_at": moment}
            for n in range(SITTINGS)
        ),
    )
    put(
        session,
        AgendaItem,
        ({"sitting_id": BASE + SITTINGS - 1, "position": n + 1, "version_id": BASE + 10 * n + 1} for n in range(20)),
    )


def fill_catalogue(session: Session, now: datetime) -> None:
    """Put products into the tables, of trainees whose sites are spread over the town."""
    rows = session.execute(
        select(Trainee.id, Programme.site_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Trainee.id % 10 == 0)
    )
    site_of = {row[0]: row[1] for row in rows}
    for model, made in products.tables(sorted(site_of), site_of, BASE + 1000, now).items():
        put(session, model, made)


def versions(today: date, moment: datetime) -> Iterator[dict[str, Any]]:
    """Make one version a programme: one in ten before the council, the others approved."""
    for number in range(PROGRAMMES):
        waits = number % 10 == 1
        yield {
            "id": BASE + number,
            "programme_id": BASE + number,
            "number": 1,
            "title": f"Программа {number}: функциональная грамотность на уроке",
            "annotation": "Для учителей, которые ведут урок по-новому.",
            "hours": Decimal(24),
            "hours_needed": Decimal(20),
            "needs_completion": False,
            "state": VersionState.SUBMITTED if waits else VersionState.APPROVED,
            "council_protocol": None if waits else str(number),
            "council_date": None if waits else today - timedelta(days=200),
            "submitted_at": moment,
        }


def intakes(dice: random.Random, world: World, today: date, moment: datetime) -> Iterator[dict[str, Any]]:
    """Spread the intakes over four years, the last months of them to come; most are published."""
    for number in range(INTAKES):
        starts = today + timedelta(days=dice.randrange(-1200, 180))
        yield {
            "id": BASE + number,
            "code": f"i{number}",
            "version_id": BASE + (number % PROGRAMMES),
            "moodle_id": world.moodle.id,
            "starts_on": starts,
            "ends_on": starts + timedelta(days=60),
            "capacity": TRAINEES_AN_INTAKE + number % 10,
            "published_at": moment if number % 10 else None,
            "admission": Admission.MUNICIPALITY,
            "needs_head": bool(number % 2),
        }


PAGES = {
    "centre: what is due": ("/centre", "centre"),
    "centre: sites": ("/centre/sites", "centre"),
    "centre: sites, searched": ("/centre/sites?q=школа+29&state=active", "centre"),
    "centre: programmes": ("/centre/programmes", "centre"),
    "centre: programmes, page 40": ("/centre/programmes?page=40", "centre"),
    "centre: programmes, searched": ("/centre/programmes?q=программа+29&state=approved", "centre"),
    "centre: intakes": ("/centre/intakes", "centre"),
    "centre: intakes, page 150": ("/centre/intakes?page=150", "centre"),
    "centre: intakes, free places, searched": ("/centre/intakes?q=грамотность&when=coming&free=yes", "centre"),
    "centre: calendar of a year": ("/centre/calendar", "centre"),
    "centre: calendar, one direction": (
        "/centre/calendar?direction=Направление+3:+современный+урок+и+воспитание",
        "centre",
    ),
    "centre: list of sites (3.4)": ("/sites/list", "centre"),
    "centre: applications": ("/applications", "centre"),
    "centre: people": ("/people", "centre"),
    "centre: people, page 2000": ("/people?page=2000", "centre"),
    "centre: people called so": ("/people?q=кузнецова+ел", "centre"),
    "centre: people of an organisation": (f"/people?organisation={BASE + 5}", "centre"),
    "centre: organisations": ("/organisations", "centre"),
    "centre: requests without a head": ("/places/to-confirm", "centre"),
    "centre: places of an intake": (f"/intakes/{BASE + 5}/places", "centre"),
    "council: agendas": ("/council", "council"),
    "council: programmes": ("/centre/programmes?state=submitted", "council"),
    "leader: programmes": ("/programmes", "leader"),
    "leader: today": ("/", "leader"),
    "head: requests to confirm": ("/places/to-confirm", "head"),
    "trainee: open intakes": ("/places", "trainee"),
    "trainee: what next": ("/", "trainee"),
    "leader: products to look at": ("/products/waiting", "leader"),
    "leader: products of an intake": (f"/intakes/{BASE}/products", "leader"),
    "catalogue": ("/catalogue", "trainee"),
    "catalogue, page 150": ("/catalogue?page=150", "trainee"),
    "catalogue, words": ("/catalogue?q=дроби+рефлексия", "trainee"),
    "catalogue, words of no product": ("/catalogue?q=нетникого", "trainee"),
    "catalogue, direction, kind, subject": (
        "/catalogue?direction=Направление+3:+современный+урок+и+воспитание&kind=lesson_design&subject=истор",
        "trainee",
    ),
    "catalogue: a product": ("/catalogue/5000", "trainee"),
}


def main() -> None:
    """Print the table."""
    with ExitStack() as stack:
        port = free_port()
        environment = environment_on(port, stack.enter_context(postgres()))
        app = migrated_tool(environment)
        parts: Tool = app.extensions["ploshchadka"]
        now = datetime.now(UTC)
        with parts.database.transaction() as session:
            world = World(session, "lists", now=now)
            session.add_all(
                RoleGrant(moodle_id=world.moodle.id, user_id=user, role=role, granted_at=now)
                for user, role in ((31, Role.CENTRE), (32, Role.COUNCIL))
            )
            with behind_the_rules(session):
                fill(session, world, now.date())
                fill_catalogue(session, now)
            leader, head, trainee = (session.get_one(Person, BASE + number) for number in (1000, 7, 150_000))
        with parts.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        browsers: dict[str, FlaskClient] = {
            "centre": visit(app, world, user_id=31, since=now),
            "council": visit(app, world, user_id=32, since=now),
            "leader": visit(app, world, leader, since=now),
            "head": visit(app, world, head, since=now),
            "trainee": visit(app, world, trainee, since=now),
        }
        queries = {}
        for name, (path, who) in PAGES.items():
            with counted_queries(parts.database) as seen:
                assert browsers[who].get(path).status_code == 200, path
            queries[name] = len(seen)
        cookies = {who: cookie_of(browser) for who, browser in browsers.items()}
        stack.enter_context(gunicorn("lti_app:create_app()", port, **environment))
        pages = {name: (quote(path, safe="/?=&+"), cookies[who]) for name, (path, who) in PAGES.items()}
        ask(port, pages, 3)
        asked = ask(port, pages, ROUNDS)
        parts.database.dispose()
    report(asked, queries)


def ask(port: int, pages: dict[str, tuple[str, str]], rounds: int) -> Asked:
    """Ask for all pages in turn, ``rounds`` times, with one browser."""
    left = iter(range(rounds))
    asked = Asked(port, pages)
    asked.while_(lambda: next(left, None) is not None, browsers=1)
    return asked


def report(asked: Asked, queries: dict[str, int]) -> None:
    """Print the table."""
    print(
        f"{SITES:,} sites, {PROGRAMMES:,} programmes, {INTAKES:,} intakes, {PEOPLE:,} people on PostgreSQL; "
        f"2 workers, one browser, {ROUNDS} rounds:\n"
    )
    print("| page | queries | p50, ms | p95, ms |")
    print("|---|---:|---:|---:|")
    for name, count in queries.items():
        times: Sequence[float] = statistics.quantiles(asked.times[name], n=100)
        print(f"| {name} | {count} | {times[49] * 1000:.1f} | {times[94] * 1000:.1f} |")


if __name__ == "__main__":
    main()
