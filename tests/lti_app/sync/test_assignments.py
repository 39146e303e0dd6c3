"""The night reads assignments that stand for products: the list for the leader, grades of who needs them, few calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.permissions import Actor, Role
from lti_app.intakes.models import Intake, Trainee
from lti_app.people.models import MoodleAccount, Person
from lti_app.products.assignments import tie_assignments
from lti_app.products.models import CourseAssignment, GradeState, ProductGrade
from lti_app.products.reviewing import accept_from_moodle
from lti_app.programmes.models import ProductDemand, ProductKind, ProgrammeVersion
from lti_app.sites.models import SiteLeader
from lti_app.sync.night import NightResult
from moodle_sync.functions import Function
from moodle_sync.sandbox import Sandbox, actions
from moodle_sync.sandbox.state import Module
from tests.conftest import MovableClock
from tests.lti_app.sync.conftest import PEOPLE
from tests.lti_app.world import NOW, behind_the_rules

Night = Callable[..., NightResult]


@pytest.fixture
def asks(night: Night, database: Database) -> int:
    """Let the programme ask for a product, and its completion matter no more; return the demand's id."""
    with database.transaction() as session, behind_the_rules(session):
        version = session.scalars(select(ProgrammeVersion)).one()
        version.needs_completion = False
        demand = ProductDemand(
            version_id=version.id, position=1, kind=ProductKind.OPEN_LESSON, title="Открытый урок", criteria=[]
        )
        session.add(demand)
        session.flush()
        return demand.id


def assignment(sandbox: Sandbox, name: str = "Открытый урок: конспект") -> Module:
    (course,) = (one for one in sandbox.state.courses.values() if one.idnumber == "intake-a")
    return actions.add_assignment(sandbox.state, course, name, maximum=10.0)


def leader(database: Database) -> Actor:
    with database.session(writes=False) as session:
        row = session.scalars(select(SiteLeader)).one()
        person = session.get_one(Person, row.person_id)
        roles, sites = frozenset({Role.LEADER}), frozenset({row.site_id})
        return Actor(person_id=person.id, name=person.full_name, roles=roles, led_site_ids=sites)


def users(database: Database) -> dict[int, int]:
    with database.session(writes=False) as session:
        rows = session.execute(
            select(Trainee.id, MoodleAccount.user_id)
            .join(MoodleAccount, MoodleAccount.person_id == Trainee.person_id)
            .order_by(Trainee.id)
        )
        return {row[0]: row[1] for row in rows}


def grades(database: Database) -> dict[int, tuple[GradeState, float | None]]:
    with database.session(writes=False) as session:
        return {row.trainee_id: (row.state, row.grade) for row in session.scalars(select(ProductGrade))}


def test_assignments_are_offered_tied_and_their_grades_read(
    night: Night, asks: int, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    module = assignment(sandbox)
    clock.move(days=1)
    night()
    with database.transaction() as session:
        offered = session.scalars(select(CourseAssignment)).one()
        assert (offered.cmid, offered.name, offered.seen_at) == (module.id, "Открытый урок: конспект", clock())
        intake_id = session.scalars(select(Intake.id)).one()
        tie_assignments(session, intake_id, {asks: module.id}, actor=leader(database), now=NOW)
    assert grades(database) == {}
    (first, first_user), (second, second_user), (third, _user), *_rest = users(database).items()
    actions.hand_in(sandbox.state, module, first_user)
    actions.hand_in(sandbox.state, module, second_user)
    actions.grade_work(sandbox.state, module, second_user, 8.5)
    clock.move(days=1)
    night()
    found = grades(database)
    assert (len(found), found[first], found[second], found[third]) == (
        PEOPLE,
        (GradeState.SUBMITTED, None),
        (GradeState.GRADED, 8.5),
        (GradeState.NOTHING, None),
    )
    with database.session(writes=False) as session:
        row = session.get_one(ProductGrade, (second, module.id))
        assert (row.grade_max, row.submitted_at) == (10.0, NOW.replace(day=25))
    with database.transaction() as session:
        accept_from_moodle(
            session, trainee_id=second, demand_id=asks, marks={}, remarks="", actor=leader(database), now=clock()
        )
    actions.grade_work(sandbox.state, module, second_user, 3.0)
    clock.move(days=1)
    night()
    assert grades(database)[second] == (GradeState.GRADED, 8.5)  # accepted: its grade isn't asked for any more


def test_the_list_costs_a_pack_a_night_and_nothing_where_grades_are_read_anyway(
    night: Night, asks: int, sandbox: Sandbox, database: Database
) -> None:
    night()
    assignment(sandbox)
    night()
    # As of a course that nothing is read of (test_rosters), and one pack in which a person's grades stand.
    quiet = night().report["calls"]
    with database.transaction() as session, behind_the_rules(session):
        session.scalars(select(ProgrammeVersion)).one().needs_completion = True
    both = night().report["calls"]
    with database.transaction() as session, behind_the_rules(session):
        session.delete(session.get_one(ProductDemand, asks))
    assert night().report["calls"] == both  # completion and grades in a pack each: the assignments came with them
    with database.transaction() as session, behind_the_rules(session):
        session.scalars(select(ProgrammeVersion)).one().needs_completion = False
    assert night().report["calls"] == quiet - 1


def test_what_can_not_be_read_stays_as_it_was(
    night: Night, asks: int, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    assignment(sandbox)
    night()
    sandbox.state.site.refused_functions.append(Function.GRADE_ITEMS)
    clock.move(days=1)
    night()
    with database.session(writes=False) as session:
        assert session.scalars(select(CourseAssignment)).one().seen_at == NOW
