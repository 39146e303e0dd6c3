"""Faults strike where they are told to, and do what they say before or after the work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from moodle_sync.sandbox import FaultSpecError, Sandbox
from moodle_sync.sandbox.faults import Faults, parse_faults

from .conftest import Client
from .tool import Browser


def is_enrolled(moodle: Sandbox) -> bool:
    return 3 in moodle.state.enrolments[2]


@pytest.mark.parametrize(
    ("kind", "done"),
    [("drop_before", False), ("drop_after", True), ("timeout_before", False), ("timeout_after", True)],
)
def test_a_connection_is_closed_before_or_after_the_work(
    kind: str, done: bool, moodle: Sandbox, client: Client
) -> None:
    moodle.faults.set(f"{kind}@enrol_manual_enrol_users#1")
    with pytest.raises(requests.ConnectionError):
        client.enrol(3)
    assert is_enrolled(moodle) is done
    assert client.enrol(3) is None
    assert is_enrolled(moodle)


def test_a_hanging_call_outlasts_the_callers_patience(moodle: Sandbox, client: Client) -> None:
    moodle.faults.hang = 5
    moodle.faults.set("timeout_after")
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{moodle.local_url}/webservice/rest/server.php",
            {"wstoken": moodle.token, "wsfunction": "core_webservice_get_site_info"},
            timeout=0.2,
        )


def _maintenance(answer: requests.Response) -> bool:
    return answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")


def _server_error(answer: requests.Response) -> bool:
    return answer.status_code == 500


@pytest.mark.parametrize(("kind", "told"), [("html", _maintenance), ("http500", _server_error)])
def test_a_site_out_of_order_does_nothing(
    kind: str, told: Callable[[requests.Response], bool], moodle: Sandbox, client: Client
) -> None:
    moodle.faults.set(kind)
    row = {"enrolments[0][roleid]": 5, "enrolments[0][userid]": 3, "enrolments[0][courseid]": 2}
    assert told(client.post("enrol_manual_enrol_users", **row))
    assert not is_enrolled(moodle)


def test_an_empty_roster_looks_like_a_whole_one(moodle: Sandbox, client: Client) -> None:
    moodle.faults.set("empty#1")
    assert client.call("core_course_get_contents", courseid=2)
    assert client.roster() == []
    assert client.roster() == [4, 5, 6, 7]


def test_a_truncated_answer_is_half_a_json_text(moodle: Sandbox, client: Client) -> None:
    whole = client.post("core_course_get_categories").text
    moodle.faults.set("truncated@core_course_*")
    assert client.post("core_course_get_categories").text == whole[: len(whole) // 2]


def test_a_fault_may_befall_an_lti_service_and_spares_the_web_services(moodle: Sandbox, client: Client) -> None:
    moodle.faults.set("http500@/mod/lti/token.php")
    assert requests.post(f"{moodle.local_url}/mod/lti/token.php", timeout=10).status_code == 500
    assert client.roster() == [4, 5, 6, 7]


def test_a_fault_without_a_filter_spares_the_pages(moodle: Sandbox) -> None:
    moodle.faults.set("http500")
    assert Browser(moodle, "stud1").get("/my/").status_code == 200


@pytest.mark.parametrize(
    ("occurrences", "struck"),
    [("", {1, 2, 3, 4, 5}), ("#2", {2}), ("#1,3", {1, 3}), ("#2-4", {2, 3, 4}), ("#3-", {3, 4, 5})],
)
def test_occurrences_are_counted(occurrences: str, struck: set[int]) -> None:
    faults = Faults(f"html@core_*{occurrences}")
    assert {number for number in range(1, 6) if faults.strike("core_user_create_users")} == struck
    assert not faults.strike("enrol_manual_enrol_users")


def test_faults_are_set_and_cleared_while_it_runs(client: Client) -> None:
    client.control("faults", faults="http500")
    assert client.post("core_course_get_categories").status_code == 500
    client.control("faults", faults="")
    assert client.post("core_course_get_categories").status_code == 200


@pytest.mark.parametrize("spec", ["nonsense", "html@", "html#0x", "html#2-1-3", "@core_*"])
def test_a_fault_that_cannot_be_read_is_refused(spec: str) -> None:
    with pytest.raises(FaultSpecError):
        parse_faults(spec)


def test_latency_and_row_cost_are_waited_for(moodle: Sandbox, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(moodle.faults, "wait", waited.append)
    client.control("faults", latency=0.03, row_cost=0.001)
    client.enrol(4, 5, 6)
    client.roster()
    assert waited == pytest.approx([0.033, 0.034])
