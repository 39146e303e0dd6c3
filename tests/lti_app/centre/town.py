"""A town for the centre's pages: sites in every state, and browsers of the centre and the council."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.permissions import Role
from lti_app.people.models import RoleGrant
from lti_app.sites.models import Site
from tests.lti_app.web.visits import visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

CENTRE_USER, COUNCIL_USER = 901, 902
TODAY = NOW.date()


@dataclass(frozen=True)
class Town:
    """A world with one active site «Современный урок» of «Школа a», and who looks at it."""

    app: Flask
    world: World
    centre: FlaskClient
    council: FlaskClient

    def page(self, address: str, **asked: str) -> str:
        """Return a page as the centre sees it."""
        answer = self.centre.get(address, query_string=asked or None)
        assert answer.status_code == 200
        return answer.text

    def fresh(self, moment: datetime) -> Town:
        """Return the town with a visit of the centre's that began at ``moment``."""
        came = visit(self.app, self.world, user_id=CENTRE_USER, name="Центрова Ольга", since=moment)
        return replace(self, centre=came)

    def queries(self, address: str) -> int:
        """Return how often a page asks the database."""
        with counted_queries(self.app.extensions["ploshchadka"].database) as statements:
            assert self.centre.get(address).status_code == 200
        return len(statements)


def town_of(app: Flask, database: Database) -> Town:
    with database.transaction() as session:
        world = World(session)
        session.add_all(
            RoleGrant(moodle_id=world.moodle.id, user_id=user, role=role, granted_at=NOW)
            for user, role in ((CENTRE_USER, Role.CENTRE), (COUNCIL_USER, Role.COUNCIL))
        )
    return Town(
        app,
        world,
        visit(app, world, user_id=CENTRE_USER, name="Центрова Ольга"),
        visit(app, world, user_id=COUNCIL_USER, name="Советова Инна"),
    )


def another(
    session: Session,
    town: Town,
    code: str,
    direction: str,
    *,
    begins: date = date(TODAY.year, 1, 1),
    until: date = date(TODAY.year + 1, 12, 31),
    ended_on: date | None = None,
    title: str = "Другая программа",
) -> World:
    """Add a site with leader, programme and intake."""
    world = World(session, code, moodle=town.world.moodle, title=title)
    world.site.direction = direction
    world.order.valid_from, world.order.valid_until = begins, until
    if ended_on is not None:
        world.site.ended_on, world.site.ended_because = ended_on, "8.1"
    session.flush()
    return world


def in_every_state(session: Session, town: Town) -> dict[str, Site]:
    """Add a site in each state that the active one of the town isn't in; by state, named «Направление …»."""
    day = timedelta(days=1)
    made = {
        "to_come": another(session, town, "to-come", "Будущее", begins=TODAY + day),
        "expiring": another(session, town, "expiring", "Истекающее", until=TODAY + 89 * day),
        "expired": another(session, town, "expired", "Истекшее", until=TODAY - day),
        "ended": another(session, town, "ended", "Прекращённое", ended_on=TODAY),
    }
    return {state: world.site for state, world in made.items()}
