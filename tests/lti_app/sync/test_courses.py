"""How a night makes courses: of which template, in which category, and when it hides them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.permissions import SYSTEM
from lti_app.core.saving import Saved
from lti_app.intakes.models import Intake
from lti_app.lti.models import Moodle
from lti_app.sites.models import Site
from lti_app.sync.course_words import category_words, course_note_words
from lti_app.sync.models import HiddenCourse, RunStatus
from lti_app.sync.night import NightResult
from lti_app.sync.templates import remove_template, set_template, templates_of
from lti_app.sync.words import change_name, kind_name, notes_words, target_words
from moodle_sync.sandbox import Sandbox, actions
from moodle_sync.sandbox.state import Course
from tests.conftest import MovableClock
from tests.lti_app.world import World

Night = Callable[..., NightResult]
ONLY_VISIBILITY = {"update_course": {"planned": 1, "done": 1, "failed": 0}}


def course_of(sandbox: Sandbox, key: str) -> Course | None:
    return next((course for course in sandbox.state.courses.values() if course.idnumber == key), None)


def activities(sandbox: Sandbox, key: str) -> list[str]:
    course = course_of(sandbox, key)
    assert course is not None
    return [module.name for module in sandbox.state.modules_of(course.id) if module.kind == "page"]


def codes(result: NightResult) -> list[tuple[str, str]]:
    return [(note["code"], note["course_key"]) for note in result.report["notes"] if note["code"] != "person_not_found"]


def template(sandbox: Sandbox, shortname: str, *, linked: bool = True) -> Course:
    course = actions.create_course(sandbox.state, shortname=shortname, fullname=shortname, category=1, sections=1)
    actions.add_module(sandbox.state, course, "page", f"Страница {shortname}")
    if linked:
        actions.add_tool_link(sandbox.state, course, 1, "Площадка")
    return course


@pytest.fixture
def three(database: Database, moodle_id: int) -> None:
    """Add two more sites, of which one has a direction of its own, with a programme and an intake each."""
    with database.transaction() as session:
        moodle = session.get_one(Moodle, moodle_id)
        World(session, "b", moodle=moodle)
        World(session, "c", moodle=moodle).site.direction = "Наставничество"


def setting(database: Database, moodle_id: int, course: str, **scope: str) -> Saved:
    with database.transaction() as session:
        now = session.get_one(Moodle, moodle_id).created_at
        return set_template(session, session.get_one(Moodle, moodle_id), course, **scope, actor=SYSTEM, now=now)  # type: ignore[arg-type]


# --- templates -----------------------------------------------------------------------------------------------------


def test_a_programmes_template_counts_before_its_directions_and_that_before_the_moodles(
    night: Night, sandbox: Sandbox, database: Database, moodle_id: int, three: None
) -> None:
    number = template(sandbox, "BY-PROGRAMME").id
    template(sandbox, "BY-DIRECTION")
    setting(database, moodle_id, "BY-DIRECTION", direction="современный  УРОК")
    setting(database, moodle_id, str(number), programme="prog-b")
    result = night()
    assert result.status is RunStatus.DONE, result.report
    assert activities(sandbox, "intake-a") == ["Страница BY-DIRECTION"]
    assert activities(sandbox, "intake-b") == ["Страница BY-PROGRAMME"]
    assert activities(sandbox, "intake-c") == []
    assert codes(result) == []


def test_a_template_that_is_not_there_keeps_nobody_elses_course_from_being_made(
    night: Night, sandbox: Sandbox, database: Database, moodle_id: int, three: None
) -> None:
    setting(database, moodle_id, "NOWHERE", programme="prog-b")
    result = night()
    assert codes(result) == [("template_not_found", "intake-b")]
    assert [note["text"] for note in result.report["notes"] if "NOWHERE" in note["text"]]
    assert course_of(sandbox, "intake-b") is None
    assert course_of(sandbox, "intake-a") is not None
    assert course_of(sandbox, "intake-c") is not None


def test_a_templates_link_is_looked_at_only_in_a_night_that_makes_a_course_of_it(
    night: Night, sandbox: Sandbox, database: Database, moodle_id: int, three: None
) -> None:
    template(sandbox, "BARE", linked=False)
    setting(database, moodle_id, "BARE", programme="prog-b")
    assert codes(night(dry_run=True)) == [("template_without_link", "")]
    assert codes(night()) == [("template_without_link", "")]
    assert course_of(sandbox, "intake-b") is not None
    before = list(sandbox.calls).count("core_course_get_contents")
    assert codes(night()) == []
    assert list(sandbox.calls).count("core_course_get_contents") == before


def test_templates_are_set_changed_and_taken_back(database: Database, moodle_id: int, three: None) -> None:
    assert setting(database, moodle_id, "X", programme="prog-b") is Saved.CREATED
    assert setting(database, moodle_id, "X", programme="prog-b") is Saved.UNCHANGED
    assert setting(database, moodle_id, "Y", programme="prog-b") is Saved.CHANGED
    assert setting(database, moodle_id, "12") is Saved.CHANGED
    with database.transaction() as session:
        moodle = session.get_one(Moodle, moodle_id)
        assert (moodle.template_course, moodle.template_course_id) == ("12", 12)
        assert templates_of(session, moodle).lines() == [("programme prog-b", "Y"), ("all others", "12")]
        acting: dict[str, Any] = {"actor": SYSTEM, "now": moodle.created_at}
        assert remove_template(session, moodle, programme="prog-b", **acting) is Saved.CHANGED
        assert remove_template(session, moodle, programme="prog-b", **acting) is Saved.UNCHANGED
        assert remove_template(session, moodle, **acting) is Saved.CHANGED
        assert templates_of(session, moodle).lines() == []


def test_the_template_of_a_direction_that_no_site_has_any_more_can_be_taken_back(
    database: Database, moodle_id: int, three: None
) -> None:
    setting(database, moodle_id, "X", direction="Наставничество")
    with database.transaction() as session:
        session.scalars(select(Site).where(Site.direction == "Наставничество")).one().direction = "Другое"
        moodle = session.get_one(Moodle, moodle_id)
        acting: dict[str, Any] = {"actor": SYSTEM, "now": moodle.created_at}
        assert remove_template(session, moodle, direction="Наставничество", **acting) is Saved.CHANGED


@pytest.mark.parametrize(
    ("course", "scope", "refusal"),
    [
        ("X", {"programme": "nowhere"}, NotFound),
        ("X", {"direction": "nowhere"}, NotFound),
        ("X", {"direction": "Наставничество", "programme": "prog-b"}, DomainError),
        (" ", {}, DomainError),
        ("X" * 256, {}, DomainError),
    ],
)
def test_a_template_for_nothing_that_there_is_is_refused(
    database: Database, moodle_id: int, three: None, course: str, scope: dict[str, str], refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        setting(database, moodle_id, course, **scope)


def test_the_commands_set_list_and_take_back_templates(app: Flask, moodle_id: int, three: None) -> None:
    def said(*words: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=["moodle", "template", "city", *words])
        return result.exit_code, result.output

    assert "updated" not in said("--programme", "prog-b", "B")[1]
    assert said("--direction", "Наставничество", "C")[0] == 0
    assert said()[1].splitlines() == [
        "programme prog-b  B",
        "direction «Наставничество»  C",
        "all others  TEMPLATE",
    ]
    assert said("--direction", "Наставничество", "--remove")[0] == 0
    assert said("--programme", "prog-b", "--remove")[0] == 0
    assert said("--remove")[0] == 0
    assert "no template is set" in said()[1]
    for wrong in (["X", "--remove"], ["--programme", "prog-b"], ["X", "--programme", "nowhere"]):
        assert said(*wrong)[0] == 64


# --- categories ----------------------------------------------------------------------------------------------------


def test_each_site_has_a_category_of_its_own_where_the_moodle_is_set_so(
    app: Flask, night: Night, sandbox: Sandbox, database: Database, three: None
) -> None:
    for words, code in ((["--category-per-site"], 0), ([], 64)):
        assert app.test_cli_runner().invoke(args=["moodle", "set", "city", *words]).exit_code == code
    with database.transaction() as session:
        session.scalars(select(Site).where(Site.code == "site-b")).one().direction = "Слово " * 49
    result = night()
    assert result.report["counts"]["create_category"] == {"planned": 3, "done": 3, "failed": 0}
    made = {one.idnumber: one for one in sandbox.state.categories.values() if one.idnumber}
    assert set(made) == {"site:site-a", "site:site-b", "site:site-c"}
    assert made["site:site-a"].name == "Современный урок — Школа a"
    assert made["site:site-b"].name == ("Слово " * 49)[:254] + "…"
    for code in "abc":
        course = course_of(sandbox, f"intake-{code}")
        assert course is not None
        assert course.category == made[f"site:site-{code}"].id
    assert night().report["counts"] == {}


def test_without_that_setting_no_category_is_asked_for(night: Night, sandbox: Sandbox) -> None:
    night()
    assert not [name for name in sandbox.calls if name.startswith("core_course_") and "categor" in name]


# --- hiding --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ended(night: Night, sandbox: Sandbox, database: Database, clock: MovableClock) -> Course:
    """Make the course, and move the clock to the last day on which it is to be seen."""
    night()
    with database.session(writes=False) as session:
        ends_on = session.scalars(select(Intake.ends_on)).one()
    clock.move(days=(ends_on - clock().date()).days + 60)
    course = course_of(sandbox, "intake-a")
    assert course is not None
    return course


def test_the_course_of_an_ended_intake_is_hidden_from_the_day_on_and_nothing_else_is_written(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock, ended: Course
) -> None:
    assert night().report["counts"] == {}
    assert ended.visible == 1
    clock.move(days=1)
    before = sandbox.state.dump()["enrolments"]
    assert night().report["counts"] == ONLY_VISIBILITY
    assert ended.visible == 0
    assert sandbox.state.dump()["enrolments"] == before
    assert night().report["counts"] == {}
    with database.session(writes=False) as session:
        assert session.scalars(select(HiddenCourse.course_id)).all() == [ended.id]


def test_a_course_shown_again_by_hand_is_hidden_again_and_noted_and_later_left_alone(
    night: Night, sandbox: Sandbox, clock: MovableClock, ended: Course
) -> None:
    clock.move(days=1)
    assert codes(night()) == []
    ended.visible, ended.fullname = 1, "Переименован"
    clock.move(days=29)
    result = night()
    assert result.report["counts"] == ONLY_VISIBILITY
    assert codes(result) == [("course_shown_again", "intake-a")]
    assert (ended.visible, ended.fullname) == (0, "Переименован")
    ended.visible = 1
    clock.move(days=1)
    result = night()
    assert (result.report["counts"], codes(result)) == ({}, [])
    assert ended.visible == 1


def test_a_course_of_an_intake_that_is_over_is_neither_made_anew_nor_missed(
    night: Night, sandbox: Sandbox, clock: MovableClock, ended: Course
) -> None:
    clock.move(days=1)
    del sandbox.state.courses[ended.id]
    result = night()
    assert (result.status, result.report["counts"], codes(result)) == (RunStatus.DONE, {}, [])


def test_an_intake_that_is_extended_has_its_course_shown_again(
    night: Night, database: Database, clock: MovableClock, ended: Course
) -> None:
    clock.move(days=1)
    night()
    with database.transaction() as session:
        session.scalars(select(Intake)).one().ends_on += timedelta(days=90)
    night()
    assert ended.visible == 1
    with database.session(writes=False) as session:
        assert session.scalars(select(HiddenCourse)).all() == []


def test_a_course_that_a_person_tied_is_not_hidden(
    night: Night, database: Database, clock: MovableClock, ended: Course
) -> None:
    with database.transaction() as session:
        session.scalars(select(Intake)).one().course_tied_by = "leader"
    clock.move(days=1)
    assert night().report["counts"] == {}
    assert ended.visible == 1


@pytest.mark.parametrize("days", [0, 200])
def test_the_time_after_which_courses_are_hidden_is_a_setting(
    night: Night, parts: Tool, clock: MovableClock, ended: Course, days: int
) -> None:
    object.__setattr__(parts.settings, "hide_after_days", days)
    clock.move(days=days - 60)  # the last day on which it is seen
    night()
    assert ended.visible == 1
    clock.move(days=1)
    night()
    assert ended.visible == 0


# --- words ---------------------------------------------------------------------------------------------------------


def test_notes_and_kinds_about_courses_are_said_in_words(app: Flask) -> None:
    named = "the template Образец is here"
    notes = [
        {"code": "template_not_found", "course_key": "k", "text": f"no course is made: {named} is not in Moodle, or x"},
        {"code": "template_without_link", "text": "the template Образец holds no link of an external tool: add it"},
        {"code": "template_link_without_grade_completion", "text": "the template Образец holds an external tool's x"},
        {"code": "template_not_looked_at", "text": "the template Образец could not be looked at (nopermissions)"},
        {"code": "category_unknown", "course_key": "k", "text": "no course is made: x"},
        {"code": "course_shown_again", "course_key": "k", "text": "x"},
    ]
    with app.test_request_context():
        words = notes_words(notes, {})
        assert len(words) == len(notes)
        assert "курса-образца «Образец is here» нет" in words[0]
        assert all("«Образец»" in line for line in words[1:4])
        assert all("Поток k" in line for line in words[4:])
        assert course_note_words({"code": "role_kept"}) is None
        assert target_words("category site:site-a", {}, {}) == "категория площадки site-a"
        assert category_words("course a") is None
        assert (kind_name("create_category"), change_name("create_category")) == (
            "создано категорий",
            "создать категорию",
        )
