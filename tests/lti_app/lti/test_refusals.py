"""Every refusal: a 4xx, a page that a person can read, one log line without personal data, nothing stored.

One application per kind of database serves the whole module: a refusal leaves nothing behind.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from config.settings import Settings
from lti_app import create_app
from lti_app.lti.models import LtiNonce, LtiRegistration, LtiResourceLink
from tests.conftest import DATA_KEY, MovableClock
from tests.lti_app.lti.moodle import ABSENT, CLAIM, TOOL_URL, KeySetServer, SigningKey, SmallMoodle
from tests.lti_app.world import NOW

PERSONAL = ("Анна", "Иванова", "stud1@example.org", "SN-stud1")
DEEP_SETTINGS = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"


@pytest.fixture(scope="module")
def module_clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture(scope="module")
def module_app(module_database: str, module_clock: MovableClock) -> Iterator[Flask]:
    app = create_app(
        Settings(secret_key="s" * 40, data_keys=(DATA_KEY,), public_url=TOOL_URL, database_url=module_database),
        module_clock,
    )
    app.extensions["ploshchadka"].services["land"] = lambda launch: "landed"
    yield app
    app.extensions["ploshchadka"].database.dispose()


@pytest.fixture(scope="module")
def module_moodle(module_app: Flask, signing_key: SigningKey) -> Iterator[SmallMoodle]:
    server = KeySetServer()
    yield SmallMoodle(module_app, signing_key, server)
    server.close()


@pytest.fixture
def app(module_app: Flask) -> Flask:
    return module_app


@pytest.fixture
def clock(module_clock: MovableClock) -> Iterator[MovableClock]:
    yield module_clock
    module_clock.moment = NOW


@pytest.fixture
def moodle(module_moodle: SmallMoodle) -> SmallMoodle:
    return module_moodle


class Watch:
    """Look at a refusal from all sides."""

    def __init__(self, app: Flask, log: pytest.LogCaptureFixture) -> None:
        self.database = app.extensions["ploshchadka"].database
        self.log = log

    def refused(self, response: TestResponse, code: str, status: int = 400) -> None:
        assert response.status_code == status, response.text
        heading = re.search(r"<h1>(.+?)</h1>", response.text)
        assert heading is not None
        assert heading[1].strip()
        lines = [record.getMessage() for record in self.log.records if record.name.startswith("lti_app")]
        refusals = [line for line in lines if "lti refused" in line]
        assert len(refusals) == 1, lines
        assert f"code={code} " in refusals[0]
        reference = re.search(r"reference=([0-9a-f]{8})$", refusals[0])
        assert reference is not None
        assert reference[1] in response.text
        for personal in PERSONAL:
            assert personal not in " ".join(lines)
        assert "frame-ancestors 'none'" not in response.headers.get("Content-Security-Policy", "")
        assert "X-Frame-Options" not in response.headers
        with self.database.session(writes=False) as session:
            for table in (LtiNonce, LtiResourceLink):
                assert session.scalar(select(func.count()).select_from(table)) == 0


@pytest.fixture
def watch(app: Flask, caplog: pytest.LogCaptureFixture) -> Watch:
    caplog.set_level("INFO")
    return Watch(app, caplog)


CLAIMS_AT_FAULT: list[tuple[str, dict[str, Any], str]] = [
    ("issuer missing", {"iss": ABSENT}, "lti_issuer_wrong"),
    ("issuer of another", {"iss": "http://other.example"}, "lti_issuer_wrong"),
    ("issuer no text", {"iss": ["a"]}, "lti_issuer_wrong"),
    ("audience missing", {"aud": ABSENT}, "lti_audience_wrong"),
    ("audience of another", {"aud": "other"}, "lti_audience_wrong"),
    ("audience empty", {"aud": []}, "lti_audience_wrong"),
    ("audience a list of others", {"aud": ["other", "another"]}, "lti_audience_wrong"),
    ("audience no text", {"aud": ["client-one", 5]}, "lti_audience_wrong"),
    ("audience an object", {"aud": {"client-one": 1}}, "lti_audience_wrong"),
    ("audience endless", {"aud": ["client-one"] * 11, "azp": "client-one"}, "lti_audience_wrong"),
    (
        "several audiences without authorized party",
        {"aud": ["client-one", "other"]},
        "lti_authorized_party_wrong",
    ),
    ("authorized party another", {"azp": "other"}, "lti_authorized_party_wrong"),
    ("authorized party null", {"azp": None}, "lti_authorized_party_wrong"),
    ("expiry missing", {"exp": ABSENT}, "lti_exp_missing"),
    ("expiry a text", {"exp": "1795456367"}, "lti_exp_missing"),
    ("expiry true", {"exp": True}, "lti_exp_missing"),
    ("expiry beyond numbers", {"exp": 10**400}, "lti_exp_missing"),
    ("expired", {"exp": int(NOW.timestamp()) - 31}, "lti_token_expired"),
    ("issue time missing", {"iat": ABSENT}, "lti_iat_missing"),
    ("issue time negative", {"iat": -1}, "lti_iat_missing"),
    ("issued in the future", {"iat": int(NOW.timestamp()) + 31}, "lti_token_from_the_future"),
    ("issued before the login", {"iat": int(NOW.timestamp()) - 31}, "lti_token_too_old"),
    ("not yet valid", {"nbf": int(NOW.timestamp()) + 31}, "lti_token_from_the_future"),
    ("nonce missing", {"nonce": ABSENT}, "lti_nonce_wrong"),
    ("nonce of another login", {"nonce": "another"}, "lti_nonce_wrong"),
    ("deployment missing", {f"{CLAIM}deployment_id": ABSENT}, "lti_deployment_wrong"),
    ("deployment another", {f"{CLAIM}deployment_id": "2"}, "lti_deployment_wrong"),
    ("deployment a number", {f"{CLAIM}deployment_id": 1}, "lti_deployment_wrong"),
    ("version missing", {f"{CLAIM}version": ABSENT}, "lti_version_wrong"),
    ("version another", {f"{CLAIM}version": "1.1"}, "lti_version_wrong"),
    ("message type missing", {f"{CLAIM}message_type": ABSENT}, "lti_message_type_unknown"),
    ("message type unhashable", {f"{CLAIM}message_type": {}}, "lti_message_type_unknown"),
    (
        "message type another",
        {f"{CLAIM}message_type": "LtiSubmissionReviewRequest"},
        "lti_message_type_unknown",
    ),
    ("target missing", {f"{CLAIM}target_link_uri": ABSENT}, "lti_target_link_uri_wrong"),
    ("target elsewhere", {f"{CLAIM}target_link_uri": "http://evil.example/"}, "lti_target_link_uri_wrong"),
    (
        "target that only looks like ours",
        {f"{CLAIM}target_link_uri": "http://localhost:8700.evil.example/"},
        "lti_target_link_uri_wrong",
    ),
    ("subject missing", {"sub": ABSENT}, "lti_subject_missing"),
    ("subject empty", {"sub": ""}, "lti_subject_missing"),
    ("subject no number", {"sub": "anna"}, "lti_subject_wrong"),
    ("subject beyond columns", {"sub": "4294967296"}, "lti_subject_wrong"),
    ("subject a number of another script", {"sub": "٤"}, "lti_subject_wrong"),
    ("subject an object", {"sub": {"id": "4"}}, "lti_subject_wrong"),
    ("roles missing", {f"{CLAIM}roles": ABSENT}, "lti_roles_wrong"),
    ("roles a text", {f"{CLAIM}roles": "Learner"}, "lti_roles_wrong"),
    ("roles no texts", {f"{CLAIM}roles": [1]}, "lti_roles_wrong"),
    ("roles endless", {f"{CLAIM}roles": ["Learner"] * 101}, "lti_roles_wrong"),
    ("context without id", {f"{CLAIM}context": {"title": "a"}}, "lti_context_wrong"),
    ("context no object", {f"{CLAIM}context": "2"}, "lti_context_wrong"),
    ("context id no number", {f"{CLAIM}context": {"id": "two"}}, "lti_context_wrong"),
    ("link missing", {f"{CLAIM}resource_link": ABSENT}, "lti_resource_link_wrong"),
    ("link without id", {f"{CLAIM}resource_link": {"title": "a"}}, "lti_resource_link_wrong"),
    ("link id too long", {f"{CLAIM}resource_link": {"id": "1" * 256}}, "lti_resource_link_wrong"),
    ("link id with a control character", {f"{CLAIM}resource_link": {"id": "1\x00"}}, "lti_resource_link_wrong"),
    (
        "deep linking without settings",
        {f"{CLAIM}message_type": "LtiDeepLinkingRequest"},
        "lti_deep_linking_settings_wrong",
    ),
    (
        "deep linking without types",
        {
            f"{CLAIM}message_type": "LtiDeepLinkingRequest",
            DEEP_SETTINGS: {"deep_link_return_url": "http://localhost/"},
        },
        "lti_message_invalid",
    ),
]


@pytest.mark.parametrize(
    ("changes", "code"), [case[1:] for case in CLAIMS_AT_FAULT], ids=[case[0] for case in CLAIMS_AT_FAULT]
)
def test_a_claim_at_fault(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, changes: dict[str, Any], code: str
) -> None:
    watch.refused(moodle.launch(browser, **changes), code)


def unsigned(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none", headers={"kid": moodle.key.kid})


def signed_with_the_public_key_as_a_secret(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    head = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': moodle.key.kid})}.{part(claims)}"
    digest = hmac.new(json.dumps(moodle.key.jwk()).encode(), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def without_its_signature(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    return moodle.sign(claims).rpartition(".")[0] + "."


def with_another_body(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    head, _, signature = moodle.sign(claims).split(".")
    body = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "2"}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def with_a_body_that_is_no_object(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    return jwt.api_jws.encode(b'["a"]', moodle.key.private, algorithm="RS256", headers={"kid": moodle.key.kid})


def with_a_body_nested_without_end(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    return jwt.api_jws.encode(b"[" * 20000, moodle.key.private, algorithm="RS256", headers={"kid": moodle.key.kid})


def huge(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    return moodle.sign({**claims, "padding": "x" * 40_000})


def without_a_key_name(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, moodle.key.private, algorithm="RS256")


def under_another_algorithm(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, moodle.key.private, algorithm="RS512", headers={"kid": moodle.key.kid})


def with_a_header_that_must_be_understood(moodle: SmallMoodle, claims: dict[str, Any]) -> str:
    return moodle.sign(claims, crit=["b64"], b64=False)


TOKENS_AT_FAULT: list[tuple[Callable[[SmallMoodle, dict[str, Any]], str], str]] = [
    (unsigned, "lti_algorithm_refused"),
    (signed_with_the_public_key_as_a_secret, "lti_algorithm_refused"),
    (under_another_algorithm, "lti_algorithm_refused"),
    (with_a_header_that_must_be_understood, "lti_token_malformed"),
    (without_its_signature, "lti_signature_wrong"),
    (lambda moodle, claims: without_its_signature(moodle, claims) + "AAAA", "lti_signature_wrong"),
    (lambda moodle, claims: moodle.sign(claims) + "=", "lti_token_malformed"),
    (lambda moodle, claims: moodle.sign(claims).replace(".", ". ", 1), "lti_token_malformed"),
    (with_another_body, "lti_signature_wrong"),
    (with_a_body_that_is_no_object, "lti_token_malformed"),
    (with_a_body_nested_without_end, "lti_token_malformed"),
    (huge, "lti_token_too_large"),
    (without_a_key_name, "lti_key_id_missing"),
    (lambda moodle, claims: "", "lti_token_missing"),
    (lambda moodle, claims: "a.b", "lti_token_malformed"),
    (lambda moodle, claims: "ё.ё.ё", "lti_token_malformed"),
    (lambda moodle, claims: "e30.e30.e30", "lti_algorithm_refused"),
]


@pytest.mark.parametrize(("make", "code"), TOKENS_AT_FAULT)
def test_a_token_at_fault(
    moodle: SmallMoodle,
    browser: FlaskClient,
    watch: Watch,
    make: Callable[[SmallMoodle, dict[str, Any]], str],
    code: str,
) -> None:
    asked = moodle.login(browser)
    watch.refused(moodle.post(browser, asked, make(moodle, moodle.claims(asked))), code)


def test_a_token_signed_by_somebody_else_under_the_same_key_name(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, other_key: SigningKey
) -> None:
    asked = moodle.login(browser)
    token = jwt.encode(moodle.claims(asked), other_key.private, algorithm="RS256", headers={"kid": moodle.key.kid})
    watch.refused(moodle.post(browser, asked, token), "lti_signature_wrong")


def test_a_key_that_the_moodle_does_not_publish(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, other_key: SigningKey
) -> None:
    asked = moodle.login(browser)
    watch.refused(moodle.post(browser, asked, moodle.sign(moodle.claims(asked), other_key)), "lti_key_unknown")


def test_a_state_that_is_missing_or_made_up_or_altered(moodle: SmallMoodle, browser: FlaskClient, watch: Watch) -> None:
    asked = moodle.login(browser)
    token = moodle.sign(moodle.claims(asked))
    body, _, signature = asked["state"].rpartition(".")
    altered = f"{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    for state, code in (
        ("", "lti_state_missing"),
        ("state-made-up", "lti_state_bad"),
        (altered, "lti_state_bad"),
        ("x" * 5000, "lti_state_bad"),
    ):
        watch.log.clear()
        watch.refused(moodle.post(browser, {**asked, "state": state}, token), code)


def test_a_state_older_than_ten_minutes(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, clock: MovableClock
) -> None:
    asked = moodle.login(browser)
    clock.move(minutes=10, seconds=31)
    watch.refused(moodle.post(browser, asked, moodle.sign(moodle.claims(asked))), "lti_state_expired")


def test_a_state_of_another_registration(moodle: SmallMoodle, browser: FlaskClient, watch: Watch) -> None:
    """A token of one registration does not fit the state of another, though both are with the same Moodle."""
    second = moodle.register(client_id="client-two", deployment_id="2")
    asked = moodle.login(browser, client_id="client-two", lti_deployment_id="2")
    response = moodle.post(browser, asked, moodle.sign(moodle.claims(asked)))
    disable(moodle, second)
    watch.refused(response, "lti_audience_wrong")


def test_a_state_of_a_registration_that_was_disabled_meanwhile(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch
) -> None:
    second = moodle.register(client_id="client-three", deployment_id="3")
    asked = moodle.login(browser, client_id="client-three", lti_deployment_id="3")
    disable(moodle, second)
    watch.refused(moodle.post(browser, asked, moodle.sign(moodle.claims(asked))), "lti_registration_gone")


def disable(moodle: SmallMoodle, registration_id: int) -> None:
    with moodle.tool.database.transaction() as session:
        session.get_one(LtiRegistration, registration_id).disabled_at = NOW
    moodle.tool.services["lti"].registrations.forget()


def test_another_browser_with_a_cookie_of_that_name(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, app: Flask
) -> None:
    asked = moodle.login(browser)
    other = app.test_client()
    name = next(cookie.key for cookie in browser._cookies.values() if cookie.key.startswith("lti_"))
    other.set_cookie(name, "stolen", path="/lti/")
    watch.refused(moodle.post(other, asked, moodle.sign(moodle.claims(asked))), "lti_other_browser")


def test_a_frame_that_lost_the_cookie_offers_a_window_of_its_own(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, app: Flask
) -> None:
    asked = moodle.login(browser)
    response = moodle.post(app.test_client(), asked, moodle.sign(moodle.claims(asked)))
    watch.refused(response, "lti_cookie_lost_in_frame", 403)
    assert f'href="{moodle.url}/mod/lti/launch.php?id=2&amp;triggerview=0" target="_blank"' in response.text


@pytest.mark.parametrize("hint", ["5", '{"cmid":"x"}', '{"cmid":-1}', "{" * 900, '{"cmid":1e3}', "[]"])
def test_a_hint_that_names_no_link_offers_no_window(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, app: Flask, hint: str
) -> None:
    asked = moodle.login(browser, lti_message_hint=hint)
    response = moodle.post(app.test_client(), asked, moodle.sign(moodle.claims(asked)))
    watch.refused(response, "lti_cookie_lost_in_frame", 403)
    assert "launch.php" not in response.text


@pytest.mark.parametrize(
    ("more", "way"),
    [
        ({}, "?wantsurl={moodle}%2Fmod%2Flti%2Flaunch.php%3Fid%3D2"),
        ({"lti_message_hint": "[]"}, ""),
    ],
)
def test_who_is_not_signed_in_to_moodle_is_led_there_and_back(
    moodle: SmallMoodle, browser: FlaskClient, more: dict[str, str], way: str
) -> None:
    response = browser.post("/lti/login", data=moodle.login_form(login_hint="0", **more))
    assert response.status_code == 303
    assert response.location == f"{moodle.url}/login/index.php{way.format(moodle=quote(moodle.url, safe=''))}"
    assert not response.headers.getlist("Set-Cookie")


def test_a_window_that_lost_the_cookie_explains(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, app: Flask
) -> None:
    asked = moodle.login(browser)
    token = moodle.sign(moodle.claims(asked))
    response = moodle.post(app.test_client(), asked, token, **{"Sec-Fetch-Dest": "document"})
    watch.refused(response, "lti_cookie_lost", 403)
    assert "launch.php" not in response.text


def test_moodle_that_declines(moodle: SmallMoodle, browser: FlaskClient, watch: Watch) -> None:
    asked = moodle.login(browser)
    response = browser.post("/lti/launch", data={"state": asked["state"], "error": "login_required"})
    watch.refused(response, "lti_moodle_declined")


def test_a_launch_address_opened_by_hand(moodle: SmallMoodle, browser: FlaskClient, watch: Watch) -> None:
    watch.refused(browser.get("/lti/launch"), "lti_launch_without_moodle", 405)


def test_a_form_beyond_measure(moodle: SmallMoodle, browser: FlaskClient, watch: Watch) -> None:
    watch.refused(browser.post("/lti/launch", data={"id_token": "x" * 300_000}), "lti_http_413", 413)


LOGINS_AT_FAULT: list[tuple[str, dict[str, Any], str]] = [
    ("issuer missing", {"iss": ABSENT}, "lti_issuer_missing"),
    ("issuer unknown", {"iss": "http://unknown.example"}, "lti_issuer_unknown"),
    ("issuer that breaks lines", {"iss": "http://a\nlti refused code=forged"}, "lti_issuer_unknown"),
    ("issuer too long", {"iss": "x" * 501}, "lti_iss_too_long"),
    ("client unknown", {"client_id": "unknown"}, "lti_client_unknown"),
    ("deployment unknown", {"lti_deployment_id": "99"}, "lti_deployment_unknown"),
    ("login hint missing", {"login_hint": ABSENT}, "lti_login_hint_missing"),
    ("login hint too long", {"login_hint": "x" * 501}, "lti_login_hint_too_long"),
    ("message hint too long", {"lti_message_hint": "x" * 2001}, "lti_message_hint_too_long"),
    ("target missing", {"target_link_uri": ABSENT}, "lti_target_link_uri_wrong"),
    ("target elsewhere", {"target_link_uri": "http://evil.example/lti/launch"}, "lti_target_link_uri_wrong"),
    ("target of a neighbour", {"target_link_uri": "http://localhost:8701/"}, "lti_target_link_uri_wrong"),
    ("target broken", {"target_link_uri": "http://localhost:x/"}, "lti_target_link_uri_wrong"),
]


@pytest.mark.parametrize(
    ("changes", "code"), [case[1:] for case in LOGINS_AT_FAULT], ids=[case[0] for case in LOGINS_AT_FAULT]
)
def test_a_login_at_fault(
    moodle: SmallMoodle, browser: FlaskClient, watch: Watch, changes: dict[str, Any], code: str
) -> None:
    response = browser.post("/lti/login", data=moodle.login_form(**changes))
    watch.refused(response, code)
    assert "Set-Cookie" not in response.headers


def test_a_login_that_fits_several_registrations(moodle: SmallMoodle, browser: FlaskClient, watch: Watch) -> None:
    second = moodle.register(client_id="client-four", deployment_id="4")
    response = browser.post("/lti/login", data=moodle.login_form(client_id=ABSENT, lti_deployment_id=ABSENT))
    disable(moodle, second)
    watch.refused(response, "lti_registration_ambiguous")
