"""What people see of the sandbox Moodle."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from moodle_sync.sandbox import Sandbox, actions, running_sandbox

from . import recorded
from .conftest import Client
from .tool import Browser, jwks

PAGES = (
    "/my/",
    "/course/view.php?id=2",
    "/mod/lti/view.php?id=2",
    "/grade/report/grader/index.php?id=2",
    "/user/index.php?id=2",
)


def test_who_is_not_logged_in_is_asked_to_and_comes_back(moodle: Sandbox) -> None:
    http = requests.Session()
    page = http.get(f"{moodle.local_url}/mod/lti/view.php?id=2", timeout=10)
    assert urlsplit(page.url).path == "/login"
    assert "Анна Иванова" in page.text
    back = {"userid": "4", "wantsurl": "/mod/lti/view.php?id=2"}
    entered = http.post(f"{moodle.local_url}/login/index.php", back, timeout=10)
    assert urlsplit(entered.url).path == "/mod/lti/view.php"


def test_nobody_is_sent_to_another_site_after_the_login(moodle: Sandbox) -> None:
    for address in ("https://evil.example.org/", "//evil.example.org/"):
        answer = requests.post(
            f"{moodle.local_url}/login/index.php",
            {"userid": "4", "wantsurl": address},
            allow_redirects=False,
            timeout=10,
        )
        assert answer.headers["Location"] == "/my/"


def test_the_session_cookie_is_a_plain_one(moodle: Sandbox) -> None:
    answer = requests.post(f"{moodle.local_url}/login/index.php", {"userid": "4"}, allow_redirects=False, timeout=10)
    cookie = answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in cookie
    assert "HttpOnly" in cookie
    assert "Secure" not in cookie


def test_logging_out_ends_the_session(moodle: Sandbox) -> None:
    browser = Browser(moodle, "stud1")
    browser.post("/login/logout.php")
    assert urlsplit(browser.get("/my/").url).path == "/login"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_open_to_the_courses_people(path: str, moodle: Sandbox) -> None:
    for user in ("stud1", "teach1", "admin"):
        assert Browser(moodle, user).get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES[1:])
def test_a_page_of_a_course_is_closed_to_others(path: str, moodle: Sandbox, client: Client) -> None:
    client.call("enrol_manual_unenrol_users", **{"enrolments[0][userid]": 4, "enrolments[0][courseid]": 2})
    assert Browser(moodle, "stud1").get(path).status_code == 403


def test_the_tools_link_opens_in_a_frame(moodle: Sandbox) -> None:
    page = Browser(moodle, "stud1").get("/mod/lti/view.php", id=2).text
    assert '<iframe id="contentframe"' in page
    assert 'src="/mod/lti/launch.php?id=2' in page


def test_a_learner_sees_what_is_completed(moodle: Sandbox) -> None:
    browser = Browser(moodle, "stud1")
    assert "✓ выполнено" not in browser.get("/course/view.php", id=2).text
    item = actions.own_line_item(moodle.state, moodle.state.modules[2])
    assert item is not None
    actions.save_score(moodle.state, item, 4, given=18, maximum=24, timestamp=recorded.NOW, comment="Зачтено 18 часов")
    assert "✓ выполнено" in browser.get("/course/view.php", id=2).text
    grades = browser.get("/grade/report/grader/index.php", id=2).text
    assert "<strong>75</strong> из 100" in grades
    assert "Зачтено 18 часов" in grades


def test_a_learner_sees_only_the_own_grades(moodle: Sandbox) -> None:
    assert "Борис Петров" not in Browser(moodle, "stud1").get("/grade/report/grader/index.php", id=2).text
    assert "Борис Петров" in Browser(moodle, "teach1").get("/grade/report/grader/index.php", id=2).text


def test_participants_are_told_with_state_and_dates(moodle: Sandbox, client: Client) -> None:
    client.enrol(5, suspend=1, timestart=1796083200, timeend=1798675200)
    page = Browser(moodle, "teach1").get("/user/index.php", id=2).text
    assert "приостановлен" in page
    assert "01.12.2026" in page
    assert "31.12.2026" in page


def test_a_learner_marks_by_hand_what_is_marked_by_hand(client: Client, moodle: Sandbox) -> None:
    added = client.control("activities", course="CAP1", kind="assign", name="Продукт", completion="manual").json()
    browser = Browser(moodle, "stud1")
    browser.post("/course/togglecompletion.php", id=added["cmid"], completionstate=1)
    assert actions.is_complete(moodle.state, moodle.state.modules[added["cmid"]], 4)
    assert browser.post("/course/togglecompletion.php", id=2, completionstate=1).status_code == 403


def test_a_hidden_course_is_shown_to_teachers_only(moodle: Sandbox, client: Client) -> None:
    client.control("courses", course="CAP1", visible=0)
    assert Browser(moodle, "stud1").get("/course/view.php", id=2).status_code == 403
    assert Browser(moodle, "teach1").get("/course/view.php", id=2).status_code == 200


def test_a_teacher_adds_the_tool_to_the_course(moodle: Sandbox) -> None:
    browser = Browser(moodle, "teach1")
    page = browser.post("/course/modedit.php?course=2", tool=1, name="Ещё одна площадка")
    assert urlsplit(page.url).path == "/mod/lti/view.php"
    assert "Ещё одна площадка" in browser.get("/course/view.php", id=2).text
    assert Browser(moodle, "stud1").get("/course/modedit.php", course=2).status_code == 403


def test_an_administrator_activates_a_pending_tool(moodle: Sandbox) -> None:
    moodle.state.tools[1].state = "pending"
    browser = Browser(moodle, "admin")
    assert "ожидает активации" in browser.get("/admin/registertool").text
    assert "Активировать" not in browser.post("/admin/registertool/activate", id=1).text
    assert moodle.state.tools[1].state == "active"


def test_the_tools_page_is_the_administrators_own(moodle: Sandbox) -> None:
    browser = Browser(moodle, "teach1")
    assert browser.get("/admin/registertool").status_code == 403
    assert browser.post("/admin/registertool/activate", id=1).status_code == 403


def test_names_are_escaped() -> None:
    seed = recorded.seed(jwks())
    seed["courses"][0]["fullname"] = "<script>alert(1)</script>"
    with running_sandbox(seed) as moodle:
        assert "<script>alert" not in Browser(moodle, "stud1").get("/course/view.php", id=2).text
