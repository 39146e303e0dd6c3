"""A good launch: what it needs, what it leaves behind, what the landing is told."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from lti_app.core.db import Database
from lti_app.lti.launch import Launch
from lti_app.lti.models import LtiNonce, LtiRegistration, LtiResourceLink
from tests.conftest import MovableClock
from tests.lti_app.lti.moodle import ABSENT, CLAIM, TOOL_URL, SmallMoodle, changed, recorded
from tests.querycount import counted_queries

ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"


def count(database: Database, table: type) -> int:
    with database.session(writes=False) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_landing_is_told_who_came_and_where_to(
    moodle: SmallMoodle, browser: FlaskClient, landed: list[Launch]
) -> None:
    response = moodle.launch(browser)
    assert response.status_code == 200, response.text
    assert landed == [
        Launch(
            registration_id=moodle.registration_id,
            moodle_id=moodle.moodle_id,
            moodle_origin=moodle.url,
            user_id=4,
            name="Анна Иванова",
            email="stud1@example.org",
            idnumber="SN-stud1",
            is_moodle_admin=False,
            is_instructor=False,
            is_learner=True,
            course_id=2,
            course_title="Стажировка: современный урок",
            course_idnumber="PROG-1",
            resource_link_id="1",
            locale="en",
            message_type="LtiResourceLinkRequest",
            custom=landed[0].custom,
        )
    ]


def test_variables_that_moodle_did_not_know_are_left_out(
    moodle: SmallMoodle, browser: FlaskClient, landed: list[Launch]
) -> None:
    moodle.launch(browser)
    assert landed[0].custom["user_id"] == "4"
    assert "lineitem" not in landed[0].custom  # "$ToolConsumerInstance.guid" in the recording


def test_roles_are_told_apart(moodle: SmallMoodle, browser: FlaskClient, landed: list[Launch]) -> None:
    for name in ("admin", "teach1", "tutor1", "stud1"):
        roles = recorded(f"launch_payload_{name}")[f"{CLAIM}roles"]
        assert moodle.launch(browser, **{f"{CLAIM}roles": roles}).status_code == 200
    told = [(launch.is_moodle_admin, launch.is_instructor, launch.is_learner) for launch in landed]
    assert told == [(True, True, False), (False, True, False), (False, True, False), (False, False, True)]


@pytest.mark.parametrize(
    ("role", "is_administrator"),
    [
        ("system/person#Administrator", True),
        ("system/person#SysAdmin", True),
        ("institution/person#Administrator", False),
        ("institution/person#SysAdmin", False),
        ("membership#Administrator", False),
    ],
)
def test_only_the_role_for_the_whole_system_makes_an_administrator(
    moodle: SmallMoodle, browser: FlaskClient, landed: list[Launch], role: str, is_administrator: bool
) -> None:
    moodle.launch(browser, **{f"{CLAIM}roles": [f"http://purl.imsglobal.org/vocab/lis/v2/{role}"]})
    assert [launch.is_moodle_admin for launch in landed] == [is_administrator]


def test_withheld_names_are_empty_and_nothing_is_guessed(
    moodle: SmallMoodle, browser: FlaskClient, landed: list[Launch]
) -> None:
    private = recorded("launch_payload_stud1_privacy")
    asked = moodle.login(browser)
    claims = moodle.claims(asked)
    for name in ("name", "given_name", "family_name", "email", f"{CLAIM}lis"):
        claims = changed(claims, name, private.get(name, ABSENT))
    assert moodle.post(browser, asked, moodle.sign(claims)).status_code == 200
    assert (landed[0].name, landed[0].email) == ("", None)


def test_a_login_stores_nothing(moodle: SmallMoodle, browser: FlaskClient, database: Database) -> None:
    moodle.launch(browser)  # registrations are now known
    with counted_queries(moodle.tool.database) as statements:
        moodle.login(browser)
    assert statements == []


def test_the_hint_goes_back_unchanged_and_the_request_is_what_openid_connect_asks(
    moodle: SmallMoodle, browser: FlaskClient
) -> None:
    sent = moodle.login_form()
    asked = moodle.login(browser)
    assert asked["lti_message_hint"] == sent["lti_message_hint"]
    assert asked["login_hint"] == sent["login_hint"]
    assert asked["redirect_uri"] == f"{TOOL_URL}/lti/launch"
    fixed = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
    assert {name: asked[name] for name in fixed} == fixed


def test_a_login_by_get_serves_too(moodle: SmallMoodle, browser: FlaskClient) -> None:
    response = browser.get("/lti/login", query_string=moodle.login_form())
    assert response.status_code == 302
    assert response.location.startswith(f"{moodle.url}/mod/lti/auth.php?")


def test_a_state_serves_in_another_worker(
    moodle: SmallMoodle, browser: FlaskClient, app: Flask, clock: MovableClock
) -> None:
    from lti_app import create_app

    asked = moodle.login(browser)
    other = create_app(moodle.tool.settings, clock)
    other.extensions["ploshchadka"].services["land"] = moodle.tool.services["land"]
    elsewhere = other.test_client()
    cookie = next(cookie for key, cookie in browser._cookies.items() if cookie.key.startswith("lti_"))
    elsewhere.set_cookie(cookie.key, cookie.value, path="/lti/")
    response = moodle.post(elsewhere, asked, moodle.sign(moodle.claims(asked)))
    other.extensions["ploshchadka"].database.dispose()
    assert response.status_code == 200, response.text


def test_the_login_cookie_can_live_in_a_frame_and_goes_when_it_has_served(
    moodle: SmallMoodle, browser: FlaskClient
) -> None:
    login = browser.post("/lti/login", data=moodle.login_form())
    cookie = login.headers["Set-Cookie"]
    for part in ("Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/lti/", "Max-Age=600"):
        assert part in cookie
    landed = moodle.launch(browser)
    dropped = landed.headers["Set-Cookie"]
    assert "Max-Age=0" in dropped
    assert "Partitioned" in dropped


def test_two_tabs_do_not_disturb_each_other(moodle: SmallMoodle, browser: FlaskClient) -> None:
    first, second = moodle.login(browser), moodle.login(browser)
    for asked in (first, second):
        assert moodle.post(browser, asked, moodle.sign(moodle.claims(asked))).status_code == 200


def test_logins_that_come_to_nothing_leave_a_handful_of_cookies(
    moodle: SmallMoodle, browser: FlaskClient, clock: MovableClock
) -> None:
    for _ in range(12):
        newest = moodle.login(browser)
        clock.move(seconds=1)
    assert len([cookie for cookie in browser._cookies.values() if cookie.key.startswith("lti_")]) == 8
    assert moodle.post(browser, newest, moodle.sign(moodle.claims(newest))).status_code == 200


def test_the_link_is_learnt_with_its_services(moodle: SmallMoodle, browser: FlaskClient, database: Database) -> None:
    moodle.launch(browser)
    with database.session(writes=False) as session:
        link = session.scalars(select(LtiResourceLink)).one()
    assert (link.resource_link_id, link.course_id, link.title) == ("1", 2, "Площадка")
    assert link.lineitem_url == f"{moodle.url}/mod/lti/services.php/2/lineitems/2/lineitem?type_id=1"
    assert link.memberships_url == f"{moodle.url}/mod/lti/services.php/CourseSection/2/bindings/1/memberships"


def test_a_link_is_written_only_where_something_changed(
    moodle: SmallMoodle, browser: FlaskClient, database: Database, clock: MovableClock
) -> None:
    moodle.launch(browser)
    first_seen = clock()
    clock.move(minutes=5)
    moodle.launch(browser)
    with database.session(writes=False) as session:
        assert session.scalars(select(LtiResourceLink)).one().changed_at == first_seen
    clock.move(minutes=5)
    moodle.launch(browser, **{f"{CLAIM}resource_link": {"id": "1", "title": "Стажировка"}})
    with database.session(writes=False) as session:
        link = session.scalars(select(LtiResourceLink)).one()
    assert (link.title, link.changed_at) == ("Стажировка", clock())


def test_services_elsewhere_are_not_learnt(moodle: SmallMoodle, browser: FlaskClient, database: Database) -> None:
    moodle.launch(browser, **{ENDPOINT: {"lineitem": "http://elsewhere.example/1/lineitem"}})
    with database.session(writes=False) as session:
        assert session.scalars(select(LtiResourceLink)).one().lineitem_url is None


def test_a_launch_costs_few_queries(moodle: SmallMoodle, browser: FlaskClient) -> None:
    for _ in range(2):
        moodle.launch(browser)
    asked = moodle.login(browser)
    token = moodle.sign(moodle.claims(asked))
    with counted_queries(moodle.tool.database) as statements:
        assert moodle.post(browser, asked, token).status_code == 200
    assert len(statements) == 1, statements  # the nonce; the link is remembered
    assert "lti_nonce" in statements[0]


@pytest.mark.parametrize("message", ["LtiResourceLinkRequest", "LtiDeepLinkingRequest"])
def test_a_registration_disabled_by_another_process_serves_no_launch_at_once(
    moodle: SmallMoodle, browser: FlaskClient, database: Database, landed: list[Launch], message: str
) -> None:
    settings = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
    told = recorded("deep_request_payload")["payload"][settings]
    other = {f"{CLAIM}message_type": message, settings: told}
    moodle.launch(browser)  # the registration is known in this process, and stays so for a minute
    landed.clear()
    with database.transaction() as session:
        session.get_one(LtiRegistration, moodle.registration_id).disabled_at = moodle.tool.clock()

    refused = moodle.launch(browser, **other)

    assert refused.status_code == 400
    assert "Этот Moodle не подключён" in refused.text
    assert landed == []
    assert count(database, LtiNonce) == 1


def test_used_nonces_are_purged_when_no_launch_can_use_them(
    moodle: SmallMoodle, browser: FlaskClient, database: Database, clock: MovableClock
) -> None:
    for _ in range(3):
        moodle.launch(browser)
    assert count(database, LtiNonce) == 3
    clock.move(minutes=20)
    moodle.launch(browser)
    assert count(database, LtiNonce) == 1


def test_a_landing_that_refuses_leaves_the_nonce_unused(
    moodle: SmallMoodle, browser: FlaskClient, database: Database
) -> None:
    moodle.tool.services["land"] = lambda launch: ("unknown", 403)
    assert moodle.launch(browser).status_code == 403
    assert count(database, LtiNonce) == 0


def test_a_launch_without_a_course_lands(moodle: SmallMoodle, browser: FlaskClient, landed: list[Launch]) -> None:
    assert moodle.launch(browser, **{f"{CLAIM}context": ABSENT}).status_code == 200
    assert landed[0].course_id is None


def test_the_audience_may_be_a_list_and_name_others_if_we_are_the_authorized_party(
    moodle: SmallMoodle, browser: FlaskClient
) -> None:
    assert moodle.launch(browser, aud=[moodle.client_id]).status_code == 200
    assert moodle.launch(browser, aud=["other", moodle.client_id], azp=moodle.client_id).status_code == 200


def test_clocks_may_differ_by_half_a_minute(moodle: SmallMoodle, browser: FlaskClient, clock: MovableClock) -> None:
    moment = int(clock().timestamp())
    assert moodle.launch(browser, iat=moment + 29, exp=moment + 89).status_code == 200
    assert moodle.launch(browser, iat=moment - 29, exp=moment - 29).status_code == 200


def test_what_a_database_cannot_hold_is_cleaned_from_words(
    moodle: SmallMoodle, browser: FlaskClient, landed: list[Launch]
) -> None:
    response = moodle.launch(
        browser,
        name="Анна\x00 \ud800Иванова",
        email="a\x00@example.org",
        **{f"{CLAIM}resource_link": {"id": "1", "title": "a\x00" + "я" * 600}},
    )
    assert response.status_code == 200, response.text
    assert "\x00" not in landed[0].name
    assert landed[0].email is None


def test_several_registrations_with_one_issuer_are_told_apart_by_client(
    moodle: SmallMoodle, browser: FlaskClient, landed: list[Launch]
) -> None:
    second = moodle.register(client_id="client-two", deployment_id="2")
    asked = moodle.login(browser, client_id="client-two", lti_deployment_id="2")
    claims = moodle.claims(asked, aud="client-two", **{f"{CLAIM}deployment_id": "2"})
    assert moodle.post(browser, asked, moodle.sign(claims)).status_code == 200
    moodle.launch(browser)
    assert [launch.registration_id for launch in landed] == [second, moodle.registration_id]


def test_one_registration_serves_without_client_and_deployment(moodle: SmallMoodle, browser: FlaskClient) -> None:
    asked = moodle.login(browser, client_id=ABSENT, lti_deployment_id=ABSENT)
    assert asked["client_id"] == moodle.client_id
