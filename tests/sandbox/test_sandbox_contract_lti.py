"""The sandbox's LTI platform says what a real Moodle 4.5 said: every recording is replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from moodle_sync.sandbox import Sandbox, running_sandbox

from . import recorded
from .comparison import differences
from .tool import AGS_SCOPES, NRPS_SCOPE, Browser, ask_token, assertion, check_token, jwks, read_form

AUTHOR = {"launch_payload_admin": 2, "launch_payload_stud1": 4, "launch_payload_teach1": 6, "launch_payload_tutor1": 7}
PRIVATE_AUTHOR = {"launch_payload_stud1_privacy": 4, "launch_payload_teach1_privacy": 6}
# In the order in which they were made: what is posted first is read later.
SERVICES = (
    "nrps",
    "nrps_limit1",
    "nrps_role",
    "nrps_rlid",
    "nrps_noauth",
    "ags_bad_token",
    "ags_lineitems",
    "ags_lineitem_create",
    "ags_score_ok",
    "ags_score_old_ts",
    "ags_score_unknown_user",
    "ags_score_pending",
    "ags_score_teacher",
    "ags_score_bad",
    "ags_score_naive_ts",
    "ags_score_resource",
    "ags_results",
    "ags_results_user",
    "ags_lineitem_put",
    "ags_lineitems_filter",
)
TOKENS = ("token_all", "token_bad_aud", "token_bad_client", "token_bad_scope", "token_expired_assertion")
ALONE = (
    "auth_not_logged_in",
    "certs",
    "deep_request_payload",
    "dynreg_openid_configuration",
    "dynreg_request",
    "dynreg_response",
    "dynreg_start",
    "login_initiation",
)


@pytest.fixture(scope="module")
def moodle() -> Iterator[Sandbox]:
    """Run a sandbox with the recorded data, where the tool is registered already."""
    seed = recorded.seed(jwks())
    seed["users"].append({"username": "admin", "firstname": "Admin", "lastname": "User", "email": "admin@example.org"})
    with running_sandbox(seed, url=recorded.URL, clock=lambda: recorded.NOW) as sandbox:
        yield sandbox


def settled(claims: dict[str, Any]) -> str:
    """Write claims down with the session's own key set aside."""
    presented = claims["https://purl.imsglobal.org/spec/lti/claim/launch_presentation"]
    if "return_url" in presented:
        presented["return_url"] = presented["return_url"].partition("sesskey=")[0] + "sesskey=SESSKEY"
    deep = claims.get("https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings")
    if deep:
        deep["deep_link_return_url"] = deep["deep_link_return_url"].partition("sesskey=")[0] + "sesskey=SESSKEY"
    return json.dumps(claims)


def unlike(name: str, claims: dict[str, Any]) -> list[str]:
    """List where claims differ from a recorded payload."""
    return list(differences(recorded.load("lti", name), json.loads(settled(claims))))


@pytest.mark.parametrize("name", AUTHOR)
def test_a_launch_carries_the_recorded_claims(name: str, moodle: Sandbox) -> None:
    claims = Browser(moodle, str(AUTHOR[name])).launch(cmid=2)
    assert not unlike(name, claims)
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize("name", PRIVATE_AUTHOR)
def test_a_launch_withholds_name_and_e_mail_where_the_tool_is_set_so(name: str, moodle: Sandbox) -> None:
    controls = f"{moodle.local_url}/_sandbox/privacy"
    requests.post(controls, json={"tool": 1, "send_name": False, "send_email": False}, timeout=10)
    try:
        claims = Browser(moodle, str(PRIVATE_AUTHOR[name])).launch(cmid=2)
    finally:
        requests.post(controls, json={"tool": 1, "send_name": True, "send_email": True}, timeout=10)
    assert not unlike(name, claims)


def test_the_login_is_initiated_as_recorded(moodle: Sandbox) -> None:
    recording = recorded.load("lti", "login_initiation")
    action, fields = Browser(moodle, "teach1").initiate(cmid=2)
    assert action == f"{recorded.TOOL}/login"
    hint = json.loads(fields["lti_message_hint"])
    assert fields["lti_message_hint"] == json.dumps(hint, separators=(",", ":"))
    assert not list(differences(recording["values"], fields))


def test_without_a_cookie_the_authentication_request_is_posted_again_from_moodle_itself(moodle: Sandbox) -> None:
    recording = recorded.load("lti", "auth_not_logged_in")
    asked = recording["form"]["action"]
    answer = requests.get(moodle.local_url + asked, timeout=10)
    action, fields = read_form(answer.text)
    assert answer.status_code == recording["status"]
    assert {"action": action, "fields": fields} == recording["form"]


def test_a_deep_linking_request_carries_the_recorded_claims(moodle: Sandbox) -> None:
    recording = recorded.load("lti", "deep_request_payload")
    browser = Browser(moodle, "teach1")
    page = browser.get("/mod/lti/contentitem.php", id=1, course=2, title="T", text="X")
    _, login = read_form(page.text)
    answer = browser.authenticate(login, redirect_uri=f"{recorded.TOOL}/deep")
    action, fields = read_form(answer.text)
    claims = check_token(moodle, fields["id_token"])
    assert action == f"{recorded.TOOL}/deep"
    assert sorted(fields) == recording["form_keys"]
    assert not list(differences(recording["payload"], json.loads(settled(claims))))


def test_the_key_set_has_the_recorded_shape(moodle: Sandbox) -> None:
    body = requests.get(f"{moodle.local_url}/mod/lti/certs.php", timeout=10).json()
    assert not list(differences(recorded.load("lti", "certs"), body))


def test_the_platform_describes_itself_as_recorded(moodle: Sandbox) -> None:
    body = requests.get(f"{moodle.local_url}/mod/lti/openid-configuration.php", timeout=10).json()
    assert not list(differences(recorded.load("lti", "dynreg_openid_configuration"), body))


def test_a_dynamic_registration_goes_as_recorded() -> None:
    started, response = recorded.load("lti", "dynreg_start"), recorded.load("lti", "dynreg_response")
    with running_sandbox(recorded.seed(tools=False), url=recorded.URL, clock=lambda: recorded.NOW) as moodle:
        browser = Browser(moodle, "admin")
        opened = browser.http.get(
            f"{moodle.local_url}/mod/lti/startltiadvregistration.php",
            params={"url": f"{recorded.TOOL}/register"},
            allow_redirects=False,
            timeout=10,
        )
        arguments = dict(parse_qsl(urlsplit(opened.headers["Location"]).query))
        assert opened.headers["Location"].startswith(f"{recorded.TOOL}/register?")
        assert arguments.keys() == started["args"].keys()
        assert arguments["openid_configuration"] == started["args"]["openid_configuration"]
        answer = requests.post(
            f"{moodle.local_url}/mod/lti/openid-registration.php",
            json=recorded.load("lti", "dynreg_request"),
            headers={"Authorization": f"Bearer {arguments['registration_token']}"},
            timeout=10,
        )
    assert answer.status_code == response["status"]
    assert answer.headers["Content-Type"] == response["headers"]["Content-Type"]
    assert not list(differences(response["body"], answer.json()))


@pytest.mark.parametrize("name", TOKENS)
def test_the_token_endpoint_answers_as_recorded(name: str, moodle: Sandbox) -> None:
    recording = recorded.load("lti", name)
    scopes = dict(parse_qsl(recording["request"]["body"]))["scope"].split()
    changes: dict[str, dict[str, Any]] = {
        "token_bad_aud": {"aud": "https://elsewhere.example.org/token"},
        "token_bad_client": {"iss": "nobody", "sub": "nobody"},
        "token_expired_assertion": {"iat": recorded.NOW - 7200, "exp": recorded.NOW - 3600},
    }
    answer = ask_token(moodle, assertion(moodle, recorded.NOW, **changes.get(name, {})), *scopes)
    assert answer.status_code == recording["status"]
    assert answer.headers["Content-Type"] == recording["headers"]["Content-Type"]
    assert not list(differences(recording["body"], answer.json()))


@pytest.fixture(scope="module")
def answers(moodle: Sandbox) -> dict[str, tuple[Any, requests.Response]]:
    """Replay all calls of the services once."""
    granted = ask_token(moodle, assertion(moodle, recorded.NOW), *AGS_SCOPES, NRPS_SCOPE).json()["access_token"]
    kept = {}
    for name in SERVICES:
        recording = recorded.load("lti", name)
        request = recording["request"]
        headers = {key: value for key, value in request["headers"].items() if key in ("Accept", "Content-Type")}
        if name == "ags_bad_token":
            headers["Authorization"] = "Bearer nonsense"
        elif name != "nrps_noauth":
            headers["Authorization"] = f"Bearer {granted}"
        address = request["url"].replace(recorded.URL, moodle.local_url)
        answer = requests.request(request["method"], address, data=request["body"], headers=headers, timeout=10)
        kept[name] = (recording, answer)
    return kept


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_answers_as_recorded(name: str, answers: dict[str, tuple[Any, requests.Response]]) -> None:
    recording, answer = answers[name]
    assert answer.status_code == recording["status"]
    for header in ("Content-Type", "Link"):
        assert answer.headers.get(header) == recording["headers"].get(header)
    body = answer.json() if answer.text else ""
    assert not list(differences(recording["body"], body))


def test_no_recording_of_lti_is_left_out() -> None:
    replayed = {*AUTHOR, *PRIVATE_AUTHOR, *SERVICES, *TOKENS, *ALONE}
    assert replayed == recorded.names("lti")
