"""The edge against the sandbox Moodle: registration, then launches, scores, members, deep links."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from sqlalchemy import select

from lti_app.core.outbox import Delivered, Later, Outcome, Refused
from lti_app.lti.grades import post_score
from lti_app.lti.memberships import read_members
from lti_app.lti.models import LtiInvitation, LtiKey, LtiRegistration, LtiResourceLink
from moodle_sync.sandbox import running_sandbox
from tests.lti_app.lti.live import ANNA, BORIS, COURSE, SEED, VERA, Browser, Connected, serving

MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def unconnected(database_url: str) -> Iterator[Connected]:
    with running_sandbox(SEED, hang=0.2) as sandbox, serving(database_url) as tool:
        yield Connected(tool, sandbox)


@pytest.fixture(scope="module")
def registered(module_database: str) -> Iterator[Connected]:
    with running_sandbox(SEED, hang=0.2) as sandbox, serving(module_database) as tool:
        both = Connected(tool, sandbox)
        assert both.register().status_code == 200
        both.add_link()
        yield both


@pytest.fixture
def connected(registered: Connected) -> Connected:
    """A tool and a Moodle that know each other, with what earlier tests left behind cleared away."""
    registered.sandbox.faults.clear()
    registered.sandbox.calls.clear()
    registered.sandbox.state.grades.clear()
    registered.sandbox.state.access_tokens.clear()
    registered.tool.launches.clear()
    registered.control("privacy", tool=1, send_name=True, send_email=True)
    services = registered.tool.app.extensions["ploshchadka"].services
    services["lti"].access_tokens.clear()
    return registered


def test_a_moodle_registers_the_tool_by_a_one_time_address(unconnected: Connected) -> None:
    page = unconnected.register()
    assert page.status_code == 200, page.text
    assert f'data-origin="{unconnected.sandbox.url}"' in page.text
    row = unconnected.registration
    moodle = unconnected.sandbox.url
    assert (row.issuer, row.deployment_id) == (moodle, "1")
    assert row.auth_login_url == f"{moodle}/mod/lti/auth.php"
    assert row.auth_token_url == f"{moodle}/mod/lti/token.php"
    assert row.key_set_url == f"{moodle}/mod/lti/certs.php"
    tool = next(iter(unconnected.sandbox.state.tools.values()))
    assert (tool.client_id, tool.state) == (row.client_id, "pending")
    url = unconnected.tool.url
    assert tool.redirect_uris == [f"{url}/lti/launch", f"{url}/lti/deep-link"]
    assert (tool.send_name, tool.send_email) == (True, True)
    with unconnected.tool.database.session(writes=False) as session:
        invitation = session.scalars(select(LtiInvitation)).one()
        assert invitation.registration_id == row.id
        assert invitation.used_at is not None
        assert len(session.scalars(select(LtiKey)).all()) == 1


def test_the_page_after_registration_tells_moodle_to_close_it(unconnected: Connected) -> None:
    page = unconnected.register()
    script = requests.get(f"{unconnected.tool.url}/lti/close.js", timeout=5)
    assert "/lti/close.js" in page.text
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert "org.imsglobal.lti.close" in script.text


def test_an_invitation_serves_once(unconnected: Connected) -> None:
    address = unconnected.control("invite", url=unconnected.invitation())["url"]
    assert requests.get(address, timeout=20).status_code == 200
    again = requests.get(address, timeout=20)
    assert again.status_code == 410
    assert len(unconnected.sandbox.state.tools) == 1


def test_a_registration_that_failed_leaves_the_invitation_good(unconnected: Connected) -> None:
    own = unconnected.invitation()
    unconnected.control("faults", faults="http500@/mod/lti/openid-registration.php")
    first = requests.get(unconnected.control("invite", url=own)["url"], timeout=20)
    assert first.status_code == 400, first.text
    unconnected.control("faults", faults="")
    second = requests.get(unconnected.control("invite", url=own)["url"], timeout=20)
    assert second.status_code == 200, second.text


@pytest.mark.parametrize("fault", ["html", "drop_before", "truncated", "http500"])
def test_a_moodle_that_stumbles_is_reported_not_stored(unconnected: Connected, fault: str) -> None:
    for path in ("/mod/lti/openid-configuration.php", "/mod/lti/openid-registration.php"):
        unconnected.control("faults", faults=f"{fault}@{path}")
        response = unconnected.register()
        assert response.status_code == 400, (path, response.text)
    with unconnected.tool.database.session(writes=False) as session:
        assert session.scalars(select(LtiRegistration)).all() == []


def test_an_invitation_for_one_moodle_does_not_serve_another(unconnected: Connected) -> None:
    own = unconnected.invitation()
    with running_sandbox(SEED) as other:
        invited = requests.post(f"{other.url}/_sandbox/invite", json={"url": own}, timeout=10).json()
        response = requests.get(invited["url"], timeout=20)
        assert response.status_code == 400
        assert "/mod/lti/openid-configuration.php" not in other.calls


def test_made_up_and_bare_registration_addresses_are_explained(unconnected: Connected) -> None:
    url, own = unconnected.tool.url, unconnected.invitation()
    where = {"openid_configuration": f"{unconnected.sandbox.url}/mod/lti/openid-configuration.php"}
    assert requests.get(f"{url}/lti/register/made-up", params=where, timeout=5).status_code == 404
    assert requests.get(f"{url}/lti/register", params=where, timeout=5).status_code == 404
    assert requests.get(own, timeout=5).status_code == 400


def test_a_student_lands(connected: Connected) -> None:
    response = Browser(connected, "anna").go(f"/mod/lti/launch.php?id={connected.link['cmid']}")
    assert response.status_code == 200, response.text
    launch = connected.tool.launches[0]
    assert (launch.user_id, launch.name, launch.email) == (ANNA, "Анна Иванова", "anna@example.org")
    assert (launch.is_learner, launch.is_instructor, launch.is_moodle_admin) == (True, False, False)
    assert (launch.course_id, launch.course_idnumber) == (COURSE, "PROG-1")
    assert launch.custom["user_id"] == str(ANNA)
    assert launch.moodle_origin == connected.sandbox.url


def test_a_teacher_and_the_administrator_land_as_such(connected: Connected) -> None:
    for user in ("vera", "admin"):
        Browser(connected, user).go(f"/mod/lti/launch.php?id={connected.link['cmid']}")
    roles = [(launch.is_instructor, launch.is_moodle_admin) for launch in connected.tool.launches]
    assert roles == [(True, False), (True, True)]


def test_withheld_names_stay_withheld(connected: Connected) -> None:
    connected.control("privacy", tool=1, send_name=False, send_email=False)
    Browser(connected, "anna").go(f"/mod/lti/launch.php?id={connected.link['cmid']}")
    assert (connected.tool.launches[0].name, connected.tool.launches[0].email) == ("", None)


def test_the_window_of_its_own_begins_a_fresh_login(connected: Connected) -> None:
    """The address that the cookie page offers is Moodle's own, and leads all the way."""
    browser = Browser(connected, "anna")
    announced = browser.http.get(
        f"{browser.moodle}/mod/lti/launch.php?id={connected.link['cmid']}&triggerview=0", timeout=10
    )
    assert browser.submit(browser.submit(announced)).status_code == 200


def link_of(connected: Connected) -> LtiResourceLink:
    with connected.tool.database.session(writes=False) as session:
        return session.scalars(
            select(LtiResourceLink).where(LtiResourceLink.resource_link_id == str(connected.link["instance"]))
        ).one()


class Gradebook:
    """Post scores to the link that a launch taught us, and look at what Moodle kept."""

    def __init__(self, connected: Connected) -> None:
        self.connected = connected
        Browser(connected, "anna").go(f"/mod/lti/launch.php?id={connected.link['cmid']}")
        url = link_of(connected).lineitem_url
        assert url is not None
        self.lineitem_url = url

    def post(self, user_id: int = ANNA, *, at: datetime = MOMENT, hours: int = 18, **other: Any) -> Outcome:
        with (
            self.connected.tool.app.app_context(),
            self.connected.tool.database.session(writes=False) as session,
        ):
            registration = session.scalars(select(LtiRegistration)).one()
            return post_score(
                session,
                registration=registration,
                lineitem_url=other.get("url", self.lineitem_url),
                user_id=user_id,
                score=Decimal(hours),
                maximum=Decimal(24),
                comment="Зачтено 18 из 24 ч",
                timestamp=at,
            )

    def grade(self, user_id: int = ANNA) -> float | None:
        grades = self.connected.sandbox.state.grades[self.connected.link["lineitem"]]
        return None if user_id not in grades else grades[user_id].value


@pytest.fixture
def gradebook(connected: Connected) -> Gradebook:
    return Gradebook(connected)


def test_a_score_stands_in_the_gradebook_and_completes_the_activity(gradebook: Gradebook) -> None:
    assert gradebook.post() == Delivered()
    assert gradebook.grade() == pytest.approx(75)
    completions = gradebook.connected.sandbox.state.completions[gradebook.connected.link["cmid"]]
    assert completions[ANNA].state == 1


def test_a_score_no_later_than_the_stored_one_has_arrived_already(gradebook: Gradebook) -> None:
    gradebook.post()
    assert gradebook.post(hours=20) == Delivered("was there already")
    assert gradebook.post(hours=24, at=MOMENT + timedelta(seconds=1)) == Delivered()
    assert gradebook.grade() == pytest.approx(100)


def test_people_who_cannot_be_graded_are_refused(gradebook: Gradebook) -> None:
    assert isinstance(gradebook.post(VERA), Refused)
    assert isinstance(gradebook.post(999), Refused)


def test_a_line_item_that_is_gone_is_refused(gradebook: Gradebook) -> None:
    gone = gradebook.lineitem_url.replace("/lineitems/", "/lineitems/9")
    assert isinstance(gradebook.post(url=gone), Refused)


def test_a_line_item_elsewhere_gets_neither_score_nor_token(gradebook: Gradebook) -> None:
    calls = len(gradebook.connected.sandbox.calls)
    assert isinstance(gradebook.post(url="http://elsewhere.example/lineitem"), Refused)
    assert len(gradebook.connected.sandbox.calls) == calls


@pytest.mark.parametrize("fault", ["timeout_before", "drop_after", "html", "http500"])
def test_a_score_that_moodle_did_not_take_is_tried_later(gradebook: Gradebook, fault: str) -> None:
    sandbox = gradebook.connected.sandbox
    for path in ("/mod/lti/token.php", "/mod/lti/services.php/*"):
        gradebook.connected.control("faults", faults=f"{fault}@{path}")
        assert isinstance(gradebook.post(), Later), path
    sandbox.faults.clear()
    assert isinstance(gradebook.post(), Delivered)
    assert gradebook.grade() == pytest.approx(75)


def test_one_access_token_serves_many_scores(gradebook: Gradebook) -> None:
    gradebook.connected.sandbox.calls.clear()
    for user in (ANNA, BORIS):
        gradebook.post(user)
    assert list(gradebook.connected.sandbox.calls).count("/mod/lti/token.php") == 1


def test_a_token_that_moodle_forgot_is_fetched_anew_once(gradebook: Gradebook) -> None:
    gradebook.post()
    gradebook.connected.sandbox.state.access_tokens.clear()
    gradebook.connected.sandbox.calls.clear()
    assert gradebook.post(BORIS) == Delivered()
    assert list(gradebook.connected.sandbox.calls).count("/mod/lti/token.php") == 1


def test_a_client_that_moodle_no_longer_knows_is_a_reason_to_wait(gradebook: Gradebook) -> None:
    tool = next(iter(gradebook.connected.sandbox.state.tools.values()))
    known, tool.client_id = tool.client_id, "changed"
    outcome = gradebook.post()
    tool.client_id = known
    assert outcome == Later("Moodle gave no access token: invalid_client")


def test_members_are_read_whole_page_by_page_with_the_role_kept(connected: Connected) -> None:
    Browser(connected, "anna").go(f"/mod/lti/launch.php?id={connected.link['cmid']}")
    connected.sandbox.calls.clear()
    with connected.tool.app.app_context(), connected.tool.database.session(writes=False) as session:
        url = link_of(connected).memberships_url
        assert url is not None
        registration = session.scalars(select(LtiRegistration)).one()
        everybody = read_members(session, registration=registration, memberships_url=url)
        learners = read_members(session, registration=registration, memberships_url=url, role="Learner", page_size=1)
    assert {member.user_id: sorted(member.roles) for member in everybody} == {
        ANNA: ["Learner"],
        BORIS: ["Learner"],
        VERA: ["Instructor"],
    }
    assert {member.user_id for member in learners} == {ANNA, BORIS}


def test_a_teacher_adds_the_tool_to_a_course_by_deep_linking(connected: Connected) -> None:
    teacher = Browser(connected, "vera")
    offer = teacher.go(f"/mod/lti/contentitem.php?id=1&course={COURSE}")
    assert offer.status_code == 200, offer.text
    assert "Стажировка" in offer.text
    assert f"form-action {connected.sandbox.url};" in offer.headers["Content-Security-Policy"]
    before = len(connected.sandbox.state.modules)
    assert teacher.submit(offer).status_code == 200
    added = list(connected.sandbox.state.modules.values())[before:]
    assert [module.tool for module in added] == [1]
    added_link = Browser(connected, "anna").go(f"/mod/lti/launch.php?id={added[0].id}")
    assert added_link.status_code == 200, added_link.text
    with connected.tool.database.session(writes=False) as session:
        link = session.scalars(select(LtiResourceLink).order_by(LtiResourceLink.id.desc())).first()
    assert link is not None
    assert link.lineitem_url is not None  # the answer asked for a place in the gradebook
