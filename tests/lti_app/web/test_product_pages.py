"""What pages of products say: to their author, to the leader, to whoever looks through the catalogue."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask

from lti_app.core.db import Database
from lti_app.intakes.models import Trainee
from lti_app.products.assignments import Seen, keep_course_assignments, keep_grades, tie_assignments
from tests.lti_app.products.made import Work, demand, publication_id
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

COURSE, CMID = 12, 71


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Services are tried on both kinds of database; pages on one."""
    shutil.copy(sqlite_template, tmp_path / "pages.sqlite3")
    return f"sqlite:///{tmp_path / 'pages.sqlite3'}"


@pytest.fixture
def anna(database: Database) -> tuple[World, Trainee, int]:
    with database.transaction() as session:
        world = World(session, course_id=COURSE)
        trainee, asked = world.trainee("Авторова"), demand(world)
        keep_course_assignments(session, moodle_id=world.moodle.id, course_id=COURSE, names={CMID: "Карта"}, now=NOW)
        tie_assignments(session, world.intake.id, {asked.id: CMID}, actor=world.leader_actor, now=NOW)
        assert trainee.person
        return world, trainee, asked.id


def test_a_grade_is_shown_with_its_range_where_moodle_tells_it(
    app: Flask, database: Database, anna: tuple[World, Trainee, int]
) -> None:
    world, trainee, demand_id = anna
    address = f"/intakes/{world.intake.id}/products"
    for most, words in ((100.0, "87,5 из 100"), (None, "87,5")):
        with database.transaction() as session:
            keep_grades(session, [Seen(trainee.id, CMID, 87.5, most, None)], now=NOW)
        leader = visit(app, world, world.leader)
        assert f"{words} в Moodle: решить, Авторова" in leader.get(address).text
        assert f"<dd>{words}</dd>" in leader.get(f"{address}/{trainee.id}/{demand_id}").text
        assert f"оценка {words}" in " ".join(visit(app, world, trainee.person).get(address).text.split())


def test_the_author_agrees_to_what_the_catalogue_shows(
    app: Flask, database: Database, anna: tuple[World, Trainee, int]
) -> None:
    world, trainee, _demand_id = anna
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, world.version, trainee])
        organisation = trainee.person.organisation
        assert organisation is not None
        school = organisation.label
        work = Work(session, world, trainee)
    author = visit(app, world, trainee.person)
    asked = author.get(f"/products/{work.product_id}").text
    assert "с указанием моего имени и места работы" in asked
    with database.transaction() as session:
        work.session = world.session = session
        work.saved().agreed().handed_in().accepted()
        entry = publication_id(session, work.product_id)
    shown = visit(app, world).get(f"/catalogue/{entry}")
    assert shown.status_code == 403
    page = visit(app, world, world.leader).get(f"/catalogue/{entry}").text
    assert f"<dd>{trainee.person.full_name}, {school}</dd>" in page
    form = {"csrf_token": token(app, author), "agrees": "no"}
    assert author.post(f"/products/{work.product_id}/consent", data=form).status_code == 303
    assert visit(app, world, world.leader).get(f"/catalogue/{entry}").status_code == 404
