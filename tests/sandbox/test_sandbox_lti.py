"""The LTI platform beyond the recordings: what it refuses, pages through, completes and adds."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from moodle_sync.sandbox import Sandbox, running_sandbox
from moodle_sync.sandbox.lti.registration import invitation

from . import recorded
from .conftest import Client
from .tool import (
    AGS_SCOPES,
    DL,
    KID,
    LTI,
    NRPS_SCOPE,
    OTHER,
    Browser,
    ask_token,
    assertion,
    jwks,
    read_form,
    sign,
)

SCORE_TYPE = {"Content-Type": "application/vnd.ims.lis.v1.score+json"}


class Tool:
    """A tool with an access token."""

    def __init__(self, moodle: Sandbox, *scopes: str) -> None:
        answer = ask_token(moodle, assertion(moodle, recorded.NOW), *(scopes or (*AGS_SCOPES, NRPS_SCOPE)))
        self.moodle = moodle
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def send(self, method: str, path: str, **rest: Any) -> requests.Response:
        headers = self.headers | rest.pop("headers", {})
        address = f"{self.moodle.local_url}/mod/lti/services.php/{path}"
        return requests.request(method, address, headers=headers, timeout=10, **rest)

    def score(self, item: int, user: int, **changes: Any) -> int:
        body = {
            "userId": str(user),
            "scoreGiven": 36,
            "scoreMaximum": 72,
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
            "timestamp": "2026-11-23T18:00:00.000+00:00",
            "comment": "Зачтено 36 часов",
        } | changes
        sent = {name: value for name, value in body.items() if value != "left out"}
        path = f"2/lineitems/{item}/lineitem/scores?type_id=1"
        return self.send("POST", path, json=sent, headers=SCORE_TYPE).status_code


@pytest.fixture
def tool(moodle: Sandbox) -> Tool:
    return Tool(moodle)


def completed(client: Client, user: int) -> bool:
    answer = client.call("core_completion_get_activities_completion_status", courseid=2, userid=user)
    return bool(answer["statuses"][0]["isoverallcomplete"])


def test_a_message_hint_works_once(moodle: Sandbox) -> None:
    browser = Browser(moodle, "stud1")
    _, login = browser.initiate(2)
    assert "id_token" in read_form(browser.authenticate(login).text)[1]
    assert browser.authenticate(login).status_code == 400


def test_a_message_hint_of_somebody_else_is_worth_nothing(moodle: Sandbox) -> None:
    _, login = Browser(moodle, "stud1").initiate(2)
    assert Browser(moodle, "stud2").authenticate(login).status_code == 400


def test_nothing_is_sent_to_an_address_that_the_tool_did_not_register(moodle: Sandbox) -> None:
    browser = Browser(moodle, "stud1")
    _, login = browser.initiate(2)
    answer = browser.authenticate(login, redirect_uri="https://evil.example.org/launch")
    assert answer.status_code == 400
    assert "evil.example.org" not in answer.text


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "somebody"}, "unauthorized_client"),
        ({"login_hint": "5"}, "access_denied"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"response_type": "code"}, "unsupported_response_type"),
        ({"response_mode": "query"}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"prompt": "login"}, "invalid_request"),
    ],
)
def test_a_wrong_authentication_request_goes_back_with_an_error(
    changed: dict[str, str], error: str, moodle: Sandbox
) -> None:
    browser = Browser(moodle, "stud1")
    _, login = browser.initiate(2)
    action, fields = read_form(browser.authenticate(login, **changed).text)
    assert action == f"{recorded.TOOL}/launch"
    assert fields["error"] == error
    assert fields["state"] == "st1"
    assert "id_token" not in fields


def test_the_reposted_request_goes_through_with_the_cookie(moodle: Sandbox) -> None:
    browser = Browser(moodle, "stud1")
    _, login = browser.initiate(2)
    cookies, browser.http.cookies = browser.http.cookies, requests.cookies.RequestsCookieJar()
    action, fields = read_form(browser.authenticate(login).text)
    assert fields == {"repost": "true"}
    browser.http.cookies = cookies
    assert "id_token" in read_form(browser.post(action, **fields).text)[1]


def test_the_return_address_of_a_launch_leads_back_to_the_course(moodle: Sandbox) -> None:
    browser = Browser(moodle, "stud1")
    address = browser.launch(2)[f"{LTI}/launch_presentation"]["return_url"].removeprefix(recorded.URL)
    page = browser.get(f"{address}&lti_errormsg=<b>Нет</b>").text
    assert 'href="/course/view.php?id=2"' in page
    assert "&lt;b&gt;Нет" in page


def test_nobody_launches_from_a_course_they_are_suspended_in(moodle: Sandbox, client: Client) -> None:
    client.enrol(4, suspend=1)
    assert Browser(moodle, "stud1").get("/mod/lti/launch.php", id=2).status_code == 403


def test_a_launch_by_nobody_is_announced_in_the_name_of_user_0_and_the_login_page_goes_on(moodle: Sandbox) -> None:
    browser = Browser(moodle, "stud1")
    browser.http.cookies.clear()
    _action, fields = read_form(browser.get("/mod/lti/launch.php", id=2).text)
    assert fields["login_hint"] == "0"
    assert json.loads(fields["lti_message_hint"])["cmid"] == 2
    page = browser.get("/login/index.php", wantsurl=f"{recorded.URL}/mod/lti/launch.php?id=2")
    assert 'name="wantsurl" value="/mod/lti/launch.php?id=2"' in page.text


def test_a_pending_tool_does_not_launch_until_it_is_activated(moodle: Sandbox, client: Client) -> None:
    moodle.state.tools[1].state = "pending"
    browser = Browser(moodle, "stud1")
    assert browser.get("/mod/lti/launch.php", id=2).status_code == 403
    client.control("activate")
    assert browser.launch(2)["sub"] == "4"


def test_an_assertion_signed_with_another_key_gets_no_token(moodle: Sandbox) -> None:
    claims = {"iss": recorded.CLIENT_ID, "sub": recorded.CLIENT_ID, "iat": recorded.NOW, "exp": recorded.NOW + 60}
    answer = ask_token(moodle, sign(claims, key=OTHER, kid=KID), *AGS_SCOPES)
    assert (answer.status_code, answer.json()) == (400, {"error": "Signature verification failed"})


def test_a_token_opens_only_what_was_asked_for(moodle: Sandbox) -> None:
    reader = Tool(moodle, "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly")
    assert reader.send("GET", "2/lineitems?type_id=1").status_code == 200
    assert reader.send("POST", "2/lineitems?type_id=1", json={}).status_code == 401
    assert reader.send("GET", "CourseSection/2/bindings/1/memberships").status_code == 401


def test_memberships_are_paged_by_the_link_header_which_forgets_the_role(tool: Tool) -> None:
    first = tool.send("GET", "CourseSection/2/bindings/1/memberships?role=Learner&limit=2")
    following = first.links["next"]["url"]
    assert [member["user_id"] for member in first.json()["members"]] == ["4", "7"]
    assert "role" not in following
    second = tool.send("GET", following.partition("services.php/")[2])
    assert [member["user_id"] for member in second.json()["members"]] == ["5", "6"]
    assert "next" not in second.links


def test_memberships_leave_the_suspended_out(client: Client, tool: Tool) -> None:
    client.enrol(5, suspend=1)
    members = tool.send("GET", "CourseSection/2/bindings/1/memberships").json()["members"]
    assert [member["user_id"] for member in members] == ["4", "7", "6"]


def test_a_score_on_the_links_own_line_item_completes_the_activity(client: Client, tool: Tool) -> None:
    assert not completed(client, 4)
    assert tool.score(2, 4) == 200
    assert completed(client, 4)


def test_a_score_on_a_line_item_of_the_tools_own_never_completes_the_activity(client: Client, tool: Tool) -> None:
    headers = {"Content-Type": "application/vnd.ims.lis.v2.lineitem+json"}
    body = {"label": "Часы", "scoreMaximum": 72, "resourceLinkId": "1"}
    made = tool.send("POST", "2/lineitems?type_id=1", json=body, headers=headers).json()
    item = int(made["id"].partition("/lineitem")[2].split("/")[1])
    assert tool.score(item, 4) == 200
    assert not completed(client, 4)


def test_a_score_of_the_same_second_is_refused(tool: Tool) -> None:
    assert tool.score(2, 4) == 200
    assert tool.score(2, 4, timestamp="2026-11-23T18:00:00.900+00:00") == 409
    assert tool.score(2, 4, timestamp="2026-11-23T18:00:01Z") == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"activityProgress": "left out"},
        {"gradingProgress": "left out"},
        {"timestamp": "left out"},
        {"timestamp": "2026-11-23T18:00:00"},
        {"timestamp": "yesterday"},
        {"scoreGiven": "many"},
    ],
)
def test_an_unsound_score_is_refused(changed: dict[str, Any], tool: Tool) -> None:
    assert tool.score(2, 4, **changed) == 400


def test_a_score_counts_only_when_fully_graded(moodle: Sandbox, client: Client, tool: Tool) -> None:
    assert tool.score(2, 4, gradingProgress="Pending") == 200
    assert moodle.state.grades[2][4].value is None
    assert not completed(client, 4)


def test_a_score_of_a_suspended_trainee_is_refused(client: Client, tool: Tool) -> None:
    client.enrol(4, suspend=1)
    assert tool.score(2, 4) == 400


def test_line_items_of_a_tool_can_be_deleted_but_not_the_links_own(tool: Tool) -> None:
    headers = {"Content-Type": "application/vnd.ims.lis.v2.lineitem+json"}
    tool.send("POST", "2/lineitems?type_id=1", json={"label": "Часы", "scoreMaximum": 72}, headers=headers)
    assert tool.send("DELETE", "2/lineitems/3/lineitem?type_id=1").status_code == 204
    assert tool.send("DELETE", "2/lineitems/2/lineitem?type_id=1").status_code == 403
    assert len(tool.send("GET", "2/lineitems?type_id=1").json()) == 1


def deep_link_answer(moodle: Sandbox, *items: dict[str, Any], **changes: Any) -> str:
    claims = {
        "iss": recorded.CLIENT_ID,
        "aud": moodle.url,
        "iat": recorded.NOW,
        "exp": recorded.NOW + 60,
        "nonce": "n1",
        f"{LTI}/message_type": "LtiDeepLinkingResponse",
        f"{LTI}/version": "1.3.0",
        f"{LTI}/deployment_id": "1",
        f"{DL}/content_items": list(items),
    }
    return sign(claims | changes)


ITEM = {
    "type": "ltiResourceLink",
    "title": "Журнал часов",
    "url": f"{recorded.TOOL}/launch",
    "custom": {"programme": "p2"},
    "lineItem": {"scoreMaximum": 72, "label": "Часы", "resourceId": "programme-2"},
}


def return_address(browser: Browser) -> str:
    session = next(iter(browser.sandbox.state.sessions.values()))
    return f"/mod/lti/contentitem_return.php?course=2&id=1&sesskey={session.sesskey}"


def test_a_deep_linking_answer_makes_a_link_with_column_and_custom_parameters(moodle: Sandbox, tool: Tool) -> None:
    browser = Browser(moodle, "teach1")
    page = browser.post(return_address(browser), JWT=deep_link_answer(moodle, ITEM))
    assert page.status_code == 200
    module = max(moodle.state.modules.values(), key=lambda module: module.id)
    assert (module.name, module.custom) == ("Журнал часов", {"programme": "p2"})
    columns = tool.send("GET", "2/lineitems?type_id=1&resource_id=programme-2").json()
    assert [column["scoreMaximum"] for column in columns] == [72]
    claims = browser.launch(module.id)
    assert claims[f"{LTI}/custom"]["programme"] == "p2"
    assert claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitem"] == columns[0]["id"]


def test_a_deep_linking_answer_without_line_item_makes_no_column(moodle: Sandbox) -> None:
    browser = Browser(moodle, "teach1")
    plain = {name: value for name, value in ITEM.items() if name != "lineItem"}
    browser.post(return_address(browser), JWT=deep_link_answer(moodle, plain))
    module = max(moodle.state.modules.values(), key=lambda module: module.id)
    claims = browser.launch(module.id)
    assert "lineitem" not in claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "https://elsewhere.example.org"},
        {"exp": recorded.NOW - 1},
        {f"{LTI}/deployment_id": "2"},
        {f"{LTI}/message_type": "LtiResourceLinkRequest"},
    ],
)
def test_a_deep_linking_answer_that_is_not_the_tools_is_refused(changes: dict[str, Any], moodle: Sandbox) -> None:
    browser = Browser(moodle, "teach1")
    count = len(moodle.state.modules)
    answer = browser.post(return_address(browser), JWT=deep_link_answer(moodle, ITEM, **changes))
    assert answer.status_code == 400
    assert len(moodle.state.modules) == count


def test_a_student_adds_nothing_to_a_course(moodle: Sandbox) -> None:
    browser = Browser(moodle, "stud1")
    assert browser.get("/mod/lti/contentitem.php", id=1, course=2).status_code == 403
    assert browser.post(return_address(browser), JWT=deep_link_answer(moodle, ITEM)).status_code == 403


def registration(moodle: Sandbox, token: str) -> requests.Response:
    return requests.post(
        f"{moodle.local_url}/mod/lti/openid-registration.php",
        json=recorded.load("lti", "dynreg_request"),
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )


def test_a_registration_token_is_good_for_one_tool() -> None:
    with running_sandbox(recorded.seed(tools=False)) as moodle:
        token = invitation(moodle.state, moodle.key, recorded.TOOL).partition("registration_token=")[2]
        assert registration(moodle, token).status_code == 200
        assert registration(moodle, token).status_code == 401
        assert [tool.state for tool in moodle.state.tools.values()] == ["pending"]


def test_a_registration_token_ends_after_an_hour_and_another_is_none() -> None:
    now = [time.time()]
    with running_sandbox(recorded.seed(tools=False), clock=lambda: now[0]) as moodle:
        token = invitation(moodle.state, moodle.key, recorded.TOOL).partition("registration_token=")[2]
        now[0] += 3601
        assert registration(moodle, token).status_code == 401
        assert registration(moodle, sign({"sub": "x", "scope": "reg", "exp": now[0] + 60})).status_code == 401
        assert not moodle.state.tools


def test_the_key_set_of_a_tool_is_fetched_again_for_a_key_it_did_not_hold() -> None:
    with running_sandbox() as elsewhere:
        old = elsewhere.key.public_set()
        seed = recorded.seed(jwks())
        seed["tools"][0] |= {"jwks": None, "jwks_uri": f"{elsewhere.url}/mod/lti/certs.php"}
        with running_sandbox(seed, clock=lambda: recorded.NOW) as moodle:
            claims = {"sub": recorded.CLIENT_ID, "exp": recorded.NOW + 60}
            assert ask_token(moodle, elsewhere.key.sign(claims), *AGS_SCOPES).status_code == 200
            elsewhere.key = type(elsewhere.key)()
            assert elsewhere.key.public_set() != old
            assert ask_token(moodle, elsewhere.key.sign(claims), *AGS_SCOPES).status_code == 200
            assert list(elsewhere.calls) == ["/mod/lti/certs.php"] * 2
