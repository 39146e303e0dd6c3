"""The doctor looks at the sandbox Moodle: healthy, then with one thing after another amiss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from lti_app.lti.models import LtiRegistration, Moodle
from lti_app.sync.models import CourseTemplate
from moodle_sync.sandbox import actions, running_sandbox
from tests.lti_app.lti.live import SEED, Connected, serving


@pytest.fixture(scope="module")
def registered(module_database: str) -> Iterator[Connected]:
    seed = SEED | {"site": {"max_input_vars": 5000}}
    with running_sandbox(seed, hang=0.2) as sandbox, serving(module_database) as tool:
        both = Connected(tool, sandbox)
        assert both.register().status_code == 200
        both.add_link()
        yield both


@pytest.fixture
def connected(registered: Connected) -> Iterator[Connected]:
    site = registered.sandbox.state.site
    settle(registered, url=registered.sandbox.url, template_course="PROG-1", trainee_role_id=5)
    yield registered
    registered.sandbox.faults.clear()
    site.withheld_functions, site.refused_functions, site.max_input_vars = [], [], 5000


def settle(connected: Connected, **values: Any) -> None:
    with connected.tool.database.transaction() as session:
        session.execute(update(Moodle).values(**values))


def visit(connected: Connected) -> tuple[int, dict[str, list[dict[str, str]]]]:
    result = connected.tool.app.test_cli_runner().invoke(args=["moodle", "doctor", "pocket", "--json"])
    document = json.loads(result.stdout)
    found: dict[str, list[dict[str, str]]] = {}
    for check in document["checks"]:
        found.setdefault(check["status"], []).append(check)
    assert document["ok"] is (result.exit_code == 0)
    return result.exit_code, found


def amiss(connected: Connected) -> list[str]:
    code, found = visit(connected)
    assert code == 1
    assert all(check["remedy"] for check in found["amiss"])
    return [check["name"] for check in found["amiss"]]


def test_a_healthy_moodle_is_found_healthy(connected: Connected) -> None:
    code, found = visit(connected)
    assert code == 0, found.get("amiss")
    names = {check["name"].partition(" client")[0] for check in found["ok"]}
    looked_at = {
        "public address",
        "address",
        "clock",
        "token",
        "functions",
        "limits",
        "template",
        "capabilities",
        "roles",
    }
    assert looked_at <= names
    assert any(check["message"] == "Moodle gives access tokens for scores" for check in found["ok"])


def test_lines_for_people_say_the_same(connected: Connected) -> None:
    result = connected.tool.app.test_cli_runner().invoke(args=["moodle", "doctor", "pocket"])
    assert result.exit_code == 0
    assert all(line.split()[0] in ("ok", "note") for line in result.stdout.splitlines())


def test_nothing_is_changed_by_a_visit(connected: Connected) -> None:
    before = connected.sandbox.state.dump()
    visit(connected)
    after = connected.sandbox.state.dump()
    assert after == before


def test_a_missing_function_is_named(connected: Connected) -> None:
    connected.sandbox.state.site.withheld_functions = ["enrol_manual_enrol_users"]
    _, found = visit(connected)
    assert ["enrol_manual_enrol_users" in check["message"] for check in found["amiss"]] == [True]


def test_a_missing_optional_function_harms_nothing(connected: Connected) -> None:
    connected.sandbox.state.site.withheld_functions = ["tool_mobile_call_external_functions"]
    code, found = visit(connected)
    assert code == 0
    assert [check["name"] for check in found["note"] if "tool_mobile" in check["message"]] == ["functions"]


def test_a_missing_capability_is_named(connected: Connected) -> None:
    connected.sandbox.state.site.refused_functions = ["core_course_get_contents"]
    assert amiss(connected) == ["capabilities"]


def test_small_limits_of_php_are_noted_or_amiss(connected: Connected) -> None:
    connected.sandbox.state.site.max_input_vars = 1000
    code, found = visit(connected)
    assert code == 0
    assert "limits" in [check["name"] for check in found["note"]]
    connected.sandbox.state.site.max_input_vars = 500
    assert "limits" in amiss(connected)


def test_a_refused_token_is_told_from_an_unreachable_moodle(connected: Connected) -> None:
    vault = connected.tool.app.extensions["ploshchadka"].vault
    settle(connected, token_encrypted=vault.seal("wrong"))
    assert amiss(connected) == ["token"]
    settle(connected, token_encrypted=vault.seal(connected.sandbox.token), url="http://127.0.0.1:9")
    found = visit(connected)[1]["amiss"]
    assert [check["name"] for check in found if not check["message"].startswith("its issuer")] == ["address"]


def test_remedies_that_store_a_moodle_anew_name_the_file_of_the_token(connected: Connected) -> None:
    settle(connected, template_course=None)
    (template,) = visit(connected)[1]["amiss"]
    settle(connected, template_course="PROG-1", trainee_role_id=9)
    (role,) = visit(connected)[1]["amiss"]
    assert template["remedy"] == "moodle template pocket SHORTNAME"
    assert f"moodle add pocket --url {connected.sandbox.url} --token-file FILE --t" in role["remedy"]


def test_no_template_or_one_that_is_not_there_is_amiss(connected: Connected) -> None:
    for template in (None, "NOWHERE"):
        settle(connected, template_course=template)
        assert amiss(connected) == ["template"]


def test_every_template_is_looked_for_and_its_link_looked_at(connected: Connected) -> None:
    state = connected.sandbox.state
    bare = actions.create_course(state, shortname="BARE", fullname="Пустой", category=1, sections=1)
    with connected.tool.database.transaction() as session:
        moodle = session.scalars(select(Moodle)).one()
        for direction, course in (("A", "BARE"), ("B", "NOWHERE")):
            session.add(CourseTemplate(moodle_id=moodle.id, direction=direction, course=course))
    try:
        _, found = visit(connected)
        assert [check["message"].split(",")[0] for check in found["amiss"] if check["name"] == "template"] == [
            "BARE holds no link of an external tool",
            "course NOWHERE",
        ]
        link = actions.add_tool_link(state, bare, 1, "Площадка", maximum=None, completion=1)
        assert "does not complete" in visit(connected)[1]["amiss"][0]["message"]
        link.completion = 2
        assert [check["message"].split(",")[0] for check in visit(connected)[1]["amiss"]] == ["course NOWHERE"]
    finally:
        del state.courses[bare.id]
        with connected.tool.database.transaction() as session:
            session.execute(delete(CourseTemplate))


def test_functions_for_categories_count_only_where_each_site_has_its_own(connected: Connected) -> None:
    site = connected.sandbox.state.site
    site.withheld_functions = ["core_course_create_categories"]
    code, found = visit(connected)
    assert code == 0
    assert not [check for check in found.get("note", []) if "categor" in check["message"]]
    settle(connected, category_per_site=True)
    try:
        assert amiss(connected) == ["functions"]
        site.withheld_functions, site.refused_functions = [], ["core_course_get_categories"]
        assert amiss(connected) == ["capabilities"]
        site.refused_functions = []
        assert visit(connected)[0] == 0
    finally:
        settle(connected, category_per_site=False)


def test_a_role_of_another_number_is_amiss(connected: Connected) -> None:
    settle(connected, trainee_role_id=9)
    assert amiss(connected) == ["roles"]


def test_a_client_that_moodle_does_not_know_is_amiss(connected: Connected) -> None:
    tool = next(iter(connected.sandbox.state.tools.values()))
    services = connected.tool.app.extensions["ploshchadka"].services["lti"]
    services.access_tokens.clear()
    known, tool.client_id = tool.client_id, "changed"
    found = amiss(connected)
    tool.client_id = known
    assert found == [f"LTI registration {known}"]


def test_no_registration_is_amiss(connected: Connected) -> None:
    with connected.tool.database.transaction() as session:
        row = session.scalars(select(LtiRegistration)).one()
        row.disabled_at = row.created_at
    found = amiss(connected)
    with connected.tool.database.transaction() as session:
        session.scalars(select(LtiRegistration)).one().disabled_at = None
    assert found == ["LTI registration"]
