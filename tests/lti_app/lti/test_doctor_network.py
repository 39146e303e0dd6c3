"""The doctor's look at addresses, clocks and cookies, where it needs no tool."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lti_app.lti.doctor.checks import Status
from lti_app.lti.doctor.network import clock, public_address, same_site, session_cookie
from lti_app.lti.models import Moodle
from moodle_sync.sandbox import Sandbox, running_sandbox

ELSEWHERE = "https://tool.example.org"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox({}, hang=0.1) as running:
        yield running


@pytest.fixture
def moodle(sandbox: Sandbox) -> Iterator[Moodle]:
    yield Moodle(name="town", url=sandbox.url)
    sandbox.faults.clear()
    sandbox.state.site.secure_cookies = False


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://93.184.215.14", ""),
        ("https://93.184.215.14:443", ""),
        ("https://93.184.215.14:8443", "port 8443"),
        ("https://10.0.0.5", "10.0.0.5 leads to 10.0.0.5"),
        ("https://localhost:8700", "localhost leads to"),
        ("https://nowhere.invalid", ""),
    ],
)
def test_what_moodle_blocks_as_it_is_set_up_is_noted(url: str, told: str) -> None:
    address, security = public_address(url)
    assert address.status is Status.OK
    assert security.status is (Status.NOTE if told else Status.OK)
    assert told in security.message
    assert ("httpsecurity" in security.remedy) is bool(told)


def test_the_remedy_names_what_to_allow() -> None:
    remedy = list(public_address("https://10.0.0.5:8443"))[1].remedy
    assert "add 8443 to the allowed ports and take the range of 10.0.0.5 out of the blocked hosts" in remedy


def test_an_address_without_tls_is_amiss() -> None:
    address, _ = public_address("http://tool.example.org")
    assert address.status is Status.AMISS
    assert "nginx.conf" in address.remedy


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, Status.OK), (25, Status.OK), (65, Status.AMISS), (-65, Status.AMISS)]
)
def test_clocks_apart_by_more_than_launches_bear_are_amiss(moodle: Moodle, seconds: int, status: Status) -> None:
    (check,) = clock(moodle, lambda: datetime.now(UTC) + timedelta(seconds=seconds))
    assert check.status is status
    assert ("enrolments begin" in check.message) is (status is Status.AMISS)


def test_a_cookie_for_frames_is_good(sandbox: Sandbox, moodle: Moodle) -> None:
    sandbox.state.site.secure_cookies = True
    assert session_cookie(moodle, ELSEWHERE).status is Status.OK


def test_a_plain_cookie_matters_only_to_a_tool_of_another_site(moodle: Moodle) -> None:
    check = session_cookie(moodle, ELSEWHERE)
    assert check.status is Status.NOTE
    assert "cookiesecure" in check.remedy
    assert session_cookie(moodle, moodle.url).status is Status.OK


@pytest.mark.parametrize(("fault", "told"), [("http500", "sets no session cookie"), ("drop_before", "does not answer")])
def test_a_login_page_that_tells_nothing_is_noted(sandbox: Sandbox, moodle: Moodle, fault: str, told: str) -> None:
    sandbox.faults.set(f"{fault}@/login/index.php")
    check = session_cookie(moodle, ELSEWHERE)
    assert check.status is Status.NOTE
    assert told in check.message


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://moodle.town.ru", "https://tool.town.ru:8443", True),
        ("https://town.ru", "https://tool.town.ru", True),
        ("https://moodle.town.ru", "https://tool.village.ru", False),
        ("http://moodle.town.ru", "https://tool.town.ru", False),
        ("https://10.0.0.1", "https://11.0.0.1", False),
        ("http://localhost:8800", "http://localhost:8700", True),
    ],
)
def test_sites_are_told_apart_as_browsers_do(one: str, other: str, same: bool) -> None:
    assert same_site(one, other) is same
