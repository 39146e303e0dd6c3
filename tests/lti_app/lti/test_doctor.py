"""The doctor looks at the sandbox Moodle: healthy, then with one thing after another amiss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from lti_app.core.permissions import SYSTEM
from lti_app.lti.models import LtiRegistration, Moodle
from lti_app.lti.moodles import save_moodle
from lti_app.sync.models import CourseTemplate
from lti_app.sync.night import client_for
from moodle_sync.sandbox import actions, running_sandbox
from tests.lti_app.lti.live import SEED, Connected, serving

NOW = datetime(2026, 11, 25, 2, 30, tzinfo=UTC)


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
    settle(
        registered,
        url=registered.sandbox.url,
        template_course="PROG-1",
        trainee_role_id=5,
        category_id=1,
        creates_users=False,
        max_input_vars=None,
    )
    yield registered
    registered.sandbox.faults.clear()
    site.withheld_functions, site.refused_functions, site.max_input_vars = [], [], 5000
    site.unassignable_roles, site.blocked_hosts, site.allowed_ports = [], [], []


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


@pytest.mark.parametrize("creates_users", [False, True])
def test_the_function_that_makes_accounts_is_missed_where_it_is_used(connected: Connected, creates_users: bool) -> None:
    connected.sandbox.state.site.withheld_functions = ["core_user_create_users"]
    settle(connected, creates_users=creates_users)
    _code, found = visit(connected)
    named = {
        state: [check["name"] for check in checks if check["name"] == "functions"] for state, checks in found.items()
    }
    assert {state for state, checks in named.items() if checks} == {"amiss" if creates_users else "ok"}


def test_a_missing_capability_is_named(connected: Connected) -> None:
    connected.sandbox.state.site.refused_functions = ["core_course_get_contents"]
    assert amiss(connected) == ["capabilities"]


TRIED = {
    "core_course_duplicate_course": "moodle/course:create",
    "core_course_update_courses": "moodle/course:update",
    "core_enrol_get_enrolled_users": "moodle/course:viewparticipants",
    "core_group_get_course_groups": "moodle/course:managegroups",
    "core_completion_get_activities_completion_status": "report/progress:view",
    "gradereport_user_get_grade_items": "moodle/grade:viewall",
    "core_user_create_users": "moodle/user:create",
    "core_course_create_categories": "moodle/category:manage",
    "enrol_manual_enrol_users": "enrol/manual:enrol",
}


@pytest.mark.parametrize("function", TRIED)
def test_what_the_token_may_not_do_is_told_without_doing_it(connected: Connected, function: str) -> None:
    settle(connected, creates_users=True, category_per_site=True)
    connected.sandbox.state.site.refused_functions = [function]
    before = connected.sandbox.state.dump()
    try:
        _, found = visit(connected)
    finally:
        settle(connected, category_per_site=False)
    assert {check["name"] for check in found["amiss"]} == {"capabilities"}
    assert found["amiss"][0]["message"].startswith(f"{function}: nopermissions")
    assert TRIED[function] in found["amiss"][0]["remedy"]
    assert connected.sandbox.state.dump() == before


def test_what_cannot_be_tried_is_named(connected: Connected) -> None:
    (left,) = [check["message"] for check in visit(connected)[1]["note"] if "can't be tried" in check["message"]]
    assert "core_calendar_create_calendar_events" in left
    assert not [function for function in TRIED if function in left]


def test_a_role_that_may_not_be_given_is_amiss(connected: Connected) -> None:
    connected.sandbox.state.site.unassignable_roles = [3]
    (role,) = visit(connected)[1]["amiss"]
    assert role["name"] == "roles"
    assert "Allow role assignments" in role["remedy"]
    assert "--leader-role-id ID" in role["remedy"]


def test_a_category_that_is_not_there_is_amiss_once(connected: Connected) -> None:
    settle(connected, category_id=999, category_per_site=True)
    try:
        (category,) = visit(connected)[1]["amiss"]
    finally:
        settle(connected, category_per_site=False)
    assert category["name"] == "category"
    assert category["remedy"].endswith("--category ID")


def test_a_template_whose_name_moodle_does_not_find_again_is_not_used_for_tries(connected: Connected) -> None:
    course = connected.sandbox.state.courses[2]
    settle(connected, template_course="2")
    course.shortname, kept = "", course.shortname
    try:
        assert visit(connected)[0] == 0
        tried = "core_course_duplicate_course"
        calls_before = connected.sandbox.calls.count(tried)
        _, found = visit(connected)
        assert connected.sandbox.calls.count(tried) == calls_before
    finally:
        course.shortname = kept
    assert [check for check in found["note"] if "can't be tried" in check["message"] and tried in check["message"]]


def kept_limit(connected: Connected) -> int | None:
    with connected.tool.database.session(writes=False) as session:
        return session.scalars(select(Moodle.max_input_vars)).one()


def test_small_limits_of_php_are_noted_or_amiss(connected: Connected) -> None:
    connected.sandbox.state.site.max_input_vars = 1000
    code, found = visit(connected)
    assert code == 0
    assert "limits" in [check["name"] for check in found["note"]]
    connected.sandbox.state.site.max_input_vars = 500
    assert "limits" in amiss(connected)


def test_nights_make_their_calls_by_the_limit_that_was_read(connected: Connected) -> None:
    tool = connected.tool.app.extensions["ploshchadka"]
    for limit, read in ((5000, 5000), (1999, 1000), (40, 100)):
        connected.sandbox.state.site.max_input_vars = limit
        visit(connected)
        with connected.tool.database.session(writes=False) as session, ExitStack() as stack:
            client = stack.enter_context(client_for(tool, session.scalars(select(Moodle)).one()))
            assert client.max_input_vars == read


def test_a_limit_that_could_not_be_read_stays_as_it_was(connected: Connected) -> None:
    settle(connected, max_input_vars=2500)
    connected.sandbox.faults.set("http500@core_user_get_users_by_field")
    code, found = visit(connected)
    assert code == 0
    assert "limits" in [check["name"] for check in found["note"]]
    assert kept_limit(connected) == 2500


def test_another_address_has_a_limit_of_its_own(connected: Connected) -> None:
    settle(connected, max_input_vars=2500)
    vault = connected.tool.app.extensions["ploshchadka"].vault
    for url, limit in ((connected.sandbox.url, 2500), ("https://moodle.example.org", None)):
        with connected.tool.database.transaction() as session:
            save_moodle(session, vault, name="pocket", url=url, token=connected.sandbox.token, actor=SYSTEM, now=NOW)
        assert kept_limit(connected) == limit


@pytest.mark.parametrize(("hosts", "ports"), [(["127.0.0.1", "localhost"], []), ([], [80, 443])])
def test_a_moodle_that_may_not_fetch_our_keys_is_told_from_one_that_does_not_know_us(
    connected: Connected, hosts: list[str], ports: list[int]
) -> None:
    site, keys = connected.sandbox.state.site, connected.sandbox.tool_keys
    tokens = connected.tool.app.extensions["ploshchadka"].services["lti"].access_tokens
    assert visit(connected)[0] == 0
    tokens.clear()
    site.blocked_hosts, site.allowed_ports = hosts, ports
    assert visit(connected)[0] == 0  # Moodle keeps the keys that it read
    tokens.clear()
    keys.forget()
    (blocked,) = visit(connected)[1]["amiss"]
    assert "can't read the tool's keys" in blocked["message"]
    assert "httpsecurity" in blocked["remedy"]


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
    role = visit(connected)[1]["amiss"][-1]
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
    assert set(amiss(connected)) == {"roles"}


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
