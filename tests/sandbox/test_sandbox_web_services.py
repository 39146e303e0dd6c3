"""Quirks of Moodle's web services that no single recording shows."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
import requests
import urllib3

from moodle_sync.sandbox import Sandbox, running_sandbox
from moodle_sync.sandbox.forms import parse_form

from . import recorded
from .conftest import Client
from .tool import Browser


def test_a_batch_with_one_bad_row_enrols_nobody(moodle: Sandbox, client: Client) -> None:
    before = moodle.state.dump()
    assert client.enrol(3, 99999)["errorcode"] == "invaliduser"
    assert moodle.state.dump() == before


def test_enrolling_again_without_dates_and_suspension_wipes_them(moodle: Sandbox, client: Client) -> None:
    client.enrol(3, timestart=100, timeend=2_000_000_000, suspend=1)
    assert client.roster(onlyactive=1) == [4, 5, 6, 7]
    client.enrol(3)
    way = moodle.state.enrolments[2][3]["manual"]
    assert (way.timestart, way.timeend, way.suspended) == (0, 0, False)
    assert client.roster(onlyactive=1) == [3, 4, 5, 6, 7]


def test_fields_past_max_input_vars_are_dropped_in_silence(moodle: Sandbox, client: Client) -> None:
    credentials, row = 3, 3
    moodle.state.site.max_input_vars = credentials + row
    assert client.enrol(3, 2) is None
    moodle.state.site.max_input_vars = 1000
    assert client.roster() == [3, 4, 5, 6, 7]


def test_nested_fields_are_read_as_php_reads_them() -> None:
    read = parse_form("a%5B0%5D%5Bb%5D=%D1%8F+%26&a[1][b]=2&c[]=x&c[]=y&d=&d=last&e%5b0%5d=z", 1000)
    assert read == {
        "a": {"0": {"b": "я &"}, "1": {"b": "2"}},
        "c": {"0": "x", "1": "y"},
        "d": "last",
        "e": {"0": "z"},
    }


def test_an_unknown_parameter_is_refused(client: Client) -> None:
    assert client.call("core_course_get_contents", courseid=2, nonsense=1)["errorcode"] == "invalidparameter"


def test_a_parameter_of_the_wrong_type_is_refused(client: Client) -> None:
    assert client.call("core_course_get_contents", courseid="two")["errorcode"] == "invalidparameter"


def test_people_are_paged_in_the_order_of_their_ids(client: Client) -> None:
    assert client.roster(limitfrom=0, limitnumber=3) + client.roster(limitfrom=3, limitnumber=3) == [4, 5, 6, 7]
    assert client.roster(limitfrom=4, limitnumber=3) == []


def test_only_active_and_only_suspended_together_are_refused(client: Client) -> None:
    answer = client.call(
        "core_enrol_get_enrolled_users",
        courseid=2,
        **{
            "options[0][name]": "onlyactive",
            "options[0][value]": 1,
            "options[1][name]": "onlysuspended",
            "options[1][value]": 1,
        },
    )
    assert answer["errorcode"] == "codingerror"


def test_someone_enrolled_by_other_means_stays_when_the_manual_enrolment_ends(client: Client) -> None:
    client.control("enrolments", user="stud1", course="CAP1", method="self")
    fields = {"enrolments[0][userid]": 4, "enrolments[0][courseid]": 2}
    assert client.call("enrol_manual_unenrol_users", **fields) is None
    assert 4 in client.roster()
    client.control("enrolments", user="stud1", course="CAP1", method="self", remove=True)
    assert 4 not in client.roster()


def test_unenrolling_takes_people_out_of_groups(moodle: Sandbox, client: Client) -> None:
    group = {"groups[0][courseid]": 2, "groups[0][name]": "Поток", "groups[0][description]": ""}
    number = client.call("core_group_create_groups", **group)[0]["id"]
    client.call("core_group_add_group_members", **{"members[0][groupid]": number, "members[0][userid]": 4})
    assert moodle.state.groups[number].members == [4]
    client.call("enrol_manual_unenrol_users", **{"enrolments[0][userid]": 4, "enrolments[0][courseid]": 2})
    assert moodle.state.groups[number].members == []


def test_a_copied_course_has_its_own_link_and_line_item_and_none_of_the_people(moodle: Sandbox, client: Client) -> None:
    made = client.call(
        "core_course_duplicate_course", courseid=2, fullname="Поток", shortname="P1", categoryid=1, visible=0
    )
    assert client.roster(made["id"]) == []
    client.enrol(4, course=made["id"])
    client.call("core_course_update_courses", **{"courses[0][id]": made["id"], "courses[0][visible]": 1})
    first, copy = (
        next(module for module in moodle.state.modules_of(number) if module.kind == "lti") for number in (2, made["id"])
    )
    browser = Browser(moodle, "stud1")
    claims, twins = browser.launch(first.id), browser.launch(copy.id)
    prefix = "https://purl.imsglobal.org/spec/lti/claim/"
    assert claims[prefix + "deployment_id"] == twins[prefix + "deployment_id"]
    assert claims[prefix + "resource_link"]["id"] != twins[prefix + "resource_link"]["id"]
    assert twins[prefix + "custom"]["programme"] == "p1"
    assert twins[prefix + "custom"]["ctx_hist"] == "2"
    endpoint = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
    assert claims[endpoint]["lineitem"] != twins[endpoint]["lineitem"]
    assert f"/{made['id']}/lineitems" in twins[endpoint]["lineitem"]


def test_a_shortname_that_is_taken_is_no_name_for_a_copy(client: Client) -> None:
    answer = client.call("core_course_duplicate_course", courseid=2, fullname="Ещё", shortname="CAP1", categoryid=1)
    assert answer["errorcode"] == "shortnametaken"


def category_fields(name: str, idnumber: str) -> dict[str, str]:
    return {"categories[0][name]": name, "categories[0][idnumber]": idnumber}


def by_idnumber(idnumber: str) -> dict[str, str]:
    return {"criteria[0][key]": "idnumber", "criteria[0][value]": idnumber, "addsubcategories": "0"}


def test_a_category_is_found_by_its_whole_idnumber_and_by_nothing_else(client: Client) -> None:
    [made] = client.call("core_course_create_categories", **category_fields("Площадка", "site:a"))
    found = client.call("core_course_get_categories", **by_idnumber("site:a"))
    assert [(one["id"], one["idnumber"], one["parent"]) for one in found] == [(made["id"], "site:a", 0)]
    # A category without an idnumber has none, not one that is called so.
    for other in ("site:", "SITE:A", "None"):
        assert client.call("core_course_get_categories", **by_idnumber(other)) == []


@pytest.mark.parametrize(
    ("name", "idnumber", "code"),
    [("x" * 256, "a", "categorytoolong"), ("x", "a" * 101, "idnumbertoolong")],
)
def test_a_category_whose_name_or_idnumber_is_too_long_is_refused(
    client: Client, name: str, idnumber: str, code: str
) -> None:
    answer = client.call("core_course_create_categories", **category_fields(name, idnumber))
    assert answer["errorcode"] == code


def test_the_first_error_ends_a_packed_call(moodle: Sandbox, client: Client) -> None:
    fields = {
        "requests[0][function]": "core_nope",
        "requests[1][function]": "enrol_manual_enrol_users",
        "requests[1][arguments]": json.dumps({"enrolments": [{"roleid": 5, "userid": 3, "courseid": 2}]}),
    }
    responses = client.call("tool_mobile_call_external_functions", **fields)["responses"]
    assert [response["error"] for response in responses] == [True]
    assert 3 not in client.roster()


def test_a_course_with_criteria_tells_who_completed_it(client: Client) -> None:
    client.control("criteria", course="CAP1", activities=[2])
    asked = {"courseid": 2, "userid": 4}
    before = client.call("core_completion_get_course_completion_status", **asked)["completionstatus"]
    client.control("completion", activity=2, user="stud1", state=1)
    after = client.call("core_completion_get_course_completion_status", **asked)["completionstatus"]
    assert (before["completed"], after["completed"]) == (False, True)
    assert [criterion["complete"] for criterion in after["completions"]] == [True]


def test_functions_can_be_withheld_from_the_service_or_lack_a_capability(moodle: Sandbox, client: Client) -> None:
    moodle.state.site.withheld_functions = ["core_course_get_contents"]
    moodle.state.site.refused_functions = ["core_course_get_categories"]
    assert client.call("core_course_get_contents", courseid=2)["errorcode"] == "accessexception"
    assert client.call("core_course_get_categories")["errorcode"] == "nopermissions"
    offered = {function["name"] for function in client.call("core_webservice_get_site_info")["functions"]}
    assert "core_course_get_contents" not in offered
    assert "core_course_get_categories" in offered


def test_messages_to_known_people_are_kept(moodle: Sandbox, client: Client) -> None:
    sent = client.call(
        "core_message_send_instant_messages",
        **{"messages[0][touserid]": 4, "messages[0][text]": "Завтра семинар"},
    )
    assert [message.text for message in moodle.state.messages] == ["Завтра семинар"]
    assert sent[0]["msgid"] == moodle.state.messages[0].id


def test_without_the_json_format_the_answer_is_xml(moodle: Sandbox) -> None:
    query = {"wstoken": moodle.token, "wsfunction": "core_course_get_categories"}
    answer = requests.get(f"{moodle.local_url}/webservice/rest/server.php", query, timeout=10)
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert ElementTree.fromstring(answer.content).find("MULTIPLE/SINGLE/KEY[@name='name']/VALUE") is not None


def test_one_connection_serves_many_calls(moodle: Sandbox) -> None:
    pool = urllib3.connectionpool.connection_from_url(moodle.local_url)
    for _ in range(3):
        assert pool.request("POST", "/webservice/rest/server.php", fields={"wstoken": "x"}).status == 200
    assert (pool.num_requests, pool.num_connections) == (3, 1)


def test_calls_are_counted_by_function(moodle: Sandbox, client: Client) -> None:
    client.roster()
    client.roster()
    counted = requests.get(f"{moodle.local_url}/_sandbox/calls", timeout=10).json()
    assert counted == {"core_enrol_get_enrolled_users": 2}


def test_ids_are_those_of_a_fresh_moodle() -> None:
    with running_sandbox() as sandbox:
        courses = Client(sandbox).call("core_course_get_courses_by_field")["courses"]
        assert [(course["id"], course["shortname"]) for course in courses] == [(1, "moodle"), (2, "TEMPLATE")]
        assert [sandbox.state.users[number].username for number in (1, 2, 3)] == ["guest", "admin", "wsbot"]


def test_the_state_is_written_out_the_same_way_twice_and_reading_leaves_it_as_it_is(
    moodle: Sandbox, client: Client
) -> None:
    before = json.dumps(moodle.state.dump())
    client.roster()
    client.call("gradereport_user_get_grade_items", courseid=2)
    client.call("core_completion_get_activities_completion_status", courseid=2, userid=4)
    assert json.dumps(moodle.state.dump()) == before


def test_dates_are_told_as_recorded_for_someone_whose_time_has_not_come(client: Client) -> None:
    client.enrol(3, timestart=recorded.NOW + 60)
    assert 3 in client.roster(onlysuspended=1)
    assert 3 not in client.roster(onlyactive=1)


def test_the_front_page_takes_nobody_and_is_not_changed(moodle: Sandbox, client: Client) -> None:
    before = moodle.state.dump()
    row = {"enrolments[0][courseid]": 1, "enrolments[0][userid]": 3}
    for role, errorcode in ((5, "wsnoinstance"), (99, "wsusercannotassign")):
        refused = client.call("enrol_manual_enrol_users", **row, **{"enrolments[0][roleid]": role})
        assert refused["errorcode"] == errorcode
    answer = client.call("core_course_update_courses", **{"courses[0][id]": 1, "courses[0][fullname]": "Другая"})
    assert [warning["warningcode"] for warning in answer["warnings"]] == ["invalidcourse"]
    assert moodle.state.dump() == before


@pytest.mark.parametrize(("parent", "errorcode"), [(1, "categorynamerequired"), (999, "unknowcategory")])
def test_a_category_needs_a_name_and_a_place(client: Client, parent: int, errorcode: str) -> None:
    fields = {"categories[0][name]": "", "categories[0][parent]": parent}
    made = client.call("core_course_create_categories", **fields)
    assert made["errorcode"] == errorcode
