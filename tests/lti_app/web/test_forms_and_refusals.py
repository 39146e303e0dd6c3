"""Forms, their tokens and tickets; refusals as pages and as problem details; what browsers are told by headers."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from lti_app.core.db import Database
from lti_app.core.permissions import Permission, needs
from lti_app.lti.http import is_below, origin_of
from lti_app.meetings.models import JoinLog
from lti_app.sync.models import HeldPlan, PlanState
from tests.conftest import MovableClock
from tests.lti_app.web.conftest import Scene
from tests.lti_app.web.visits import ORIGIN, token, visit
from tests.lti_app.world import NOW, World

HERE = "http://localhost:8700"


def ticket_on(page: str) -> str:
    return page.split('name="ticket" value="')[1].split('"', maxsplit=1)[0]


def policy_of(response: TestResponse) -> dict[str, str]:
    parts = (part.partition(" ") for part in response.headers["Content-Security-Policy"].split("; "))
    return {name: value for name, _, value in parts}


def test_a_form_without_its_token_changes_nothing(scene: Scene, database: Database) -> None:
    response = scene.come("trainee").post(f"/meetings/{scene.meeting_id}/join")

    assert response.status_code == 400
    assert "Страница устарела, прежде чем её отправили." in response.text
    with database.transaction() as session:
        assert session.query(JoinLog).count() == 0


def test_an_outdated_form_is_offered_to_be_sent_again_with_what_was_ticked(scene: Scene) -> None:
    response = scene.come("leader").post(
        f"/meetings/{scene.meeting_id}/attendance",
        data={"csrf_token": "old", "present": ["5", "7"]},
        headers={"Origin": HERE},
    )

    assert response.status_code == 400
    assert f'action="/meetings/{scene.meeting_id}/attendance"' in response.text
    assert '<input type="hidden" name="present" value="5">' in response.text
    assert '<input type="hidden" name="present" value="7">' in response.text
    assert 'value="old"' not in response.text


def test_a_form_sent_from_a_strangers_page_is_not_offered_again(scene: Scene) -> None:
    response = scene.come("leader").post(
        f"/meetings/{scene.meeting_id}/attendance",
        data={"present": "5"},
        headers={"Origin": "https://evil.example.org"},
    )

    assert response.status_code == 400
    assert 'name="present"' not in response.text


def test_a_form_sent_after_the_visit_ended_is_kept(scene: Scene, clock: MovableClock) -> None:
    client = scene.come("leader")
    clock.move(hours=11)

    response = client.post(f"/meetings/{scene.meeting_id}/attendance", data={"present": "5"}, headers={"Origin": HERE})

    assert response.status_code == 401
    assert "введённое осталось на ней, но ещё не сохранено" in response.text
    assert '<input type="hidden" name="present" value="5">' in response.text


def test_a_ticket_opens_the_door_where_no_cookie_comes_along(scene: Scene, database: Database) -> None:
    ticket = ticket_on(scene.come("trainee").get(f"/intakes/{scene.intake_id}").text)

    response = scene.app.test_client().post(f"/meetings/{scene.meeting_id}/join", data={"ticket": ticket})

    assert response.status_code == 303
    assert response.location.startswith("https://rooms.example.org/")
    with database.transaction() as session:
        assert session.query(JoinLog).one().trainee_id == scene.trainee_id


def test_a_ticket_opens_no_other_door(scene: Scene) -> None:
    ticket = ticket_on(scene.come("trainee").get(f"/intakes/{scene.intake_id}").text)
    client = scene.app.test_client()

    assert client.post(f"/meetings/{scene.meeting_id + 1}/join", data={"ticket": ticket}).status_code == 401
    assert client.post(f"/meetings/{scene.meeting_id}/leave", data={"ticket": ticket}).status_code == 401
    assert client.post(f"/meetings/{scene.meeting_id}/join", data={"ticket": ticket[:-1]}).status_code == 401


def test_a_ticket_lasts_as_long_as_the_visit(scene: Scene, clock: MovableClock) -> None:
    ticket = ticket_on(scene.come("trainee").get(f"/intakes/{scene.intake_id}").text)
    clock.move(hours=10, minutes=1)

    response = scene.app.test_client().post(f"/meetings/{scene.meeting_id}/join", data={"ticket": ticket})

    assert response.status_code == 401


@pytest.mark.parametrize(
    "address", ["https://evil.example.org/", "//evil.example.org", "/\\evil.example.org", "javascript:alert(1)"]
)
def test_the_language_switch_sends_nobody_away(scene: Scene, address: str) -> None:
    client = scene.come("trainee")

    response = client.post(
        "/language", data={"csrf_token": token(scene.app, client), "language": "en", "next": address}
    )

    assert response.location == "/"


def test_the_language_switch_returns_to_the_page(scene: Scene) -> None:
    client = scene.come("leader")
    data = {"csrf_token": token(scene.app, client), "language": "en", "next": f"/intakes/{scene.intake_id}?q=Анна"}

    page = client.post("/language", data=data, follow_redirects=True)

    assert '<html lang="en">' in page.text
    assert page.request.args["q"] == "Анна"


def test_pages_may_be_framed_by_the_moodle_of_the_launch_only(scene: Scene) -> None:
    page = scene.come("leader").get("/")

    assert policy_of(page)["frame-ancestors"] == ORIGIN


def test_refusals_to_nobody_may_be_framed_anywhere(scene: Scene) -> None:
    assert policy_of(scene.come("nobody").get("/"))["frame-ancestors"] == "*"
    assert policy_of(scene.come("nobody").get("/healthz"))["frame-ancestors"] == "'none'"


def test_refusals_to_somebody_may_not(scene: Scene) -> None:
    assert policy_of(scene.come("trainee").get("/sync"))["frame-ancestors"] == ORIGIN


def test_pages_load_nothing_from_elsewhere(scene: Scene) -> None:
    page = scene.come("leader").get(f"/intakes/{scene.intake_id}")
    policy = policy_of(page)

    assert policy["default-src"] == policy["form-action"] == "'self'"
    assert policy["img-src"] == "'self' data:"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "//cdn" not in page.text


def test_only_a_page_with_a_door_lets_its_forms_end_elsewhere(scene: Scene) -> None:
    page = scene.come("trainee").get(f"/intakes/{scene.intake_id}")

    assert policy_of(page)["form-action"] == "'self' https: http:"


def test_pages_are_not_kept_and_not_sniffed(scene: Scene) -> None:
    headers = scene.come("leader").get("/").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_styles_and_icons_are_kept(scene: Scene) -> None:
    client = scene.come("nobody")

    for address in ("/theme.css", "/icons.svg", "/static/app.css", "/static/app.js"):
        assert "max-age" in client.get(address).headers["Cache-Control"], address


def test_the_cookie_works_in_a_frame_of_another_site(scene: Scene) -> None:
    client = scene.come("leader")

    cookie = client.post(
        "/language", data={"csrf_token": token(scene.app, client), "language": "en", "next": "/"}
    ).headers["Set-Cookie"]

    for attribute in ("Secure", "HttpOnly", "SameSite=None", "Partitioned"):
        assert attribute in cookie


def test_a_refusal_without_a_visit_leaves_no_cookie(scene: Scene) -> None:
    assert "Set-Cookie" not in scene.come("nobody").get("/").headers


def test_programs_get_problem_details(scene: Scene) -> None:
    response = scene.come("trainee").get("/sync", headers={"Accept": "application/json"})

    assert response.mimetype == "application/problem+json"
    assert response.json is not None
    assert response.json["code"] == "not_permitted"
    assert response.json["status"] == response.status_code == 403
    assert response.json["title"] == "У вас нет доступа к этой странице."


def test_a_refused_form_is_a_problem_for_programs_too(scene: Scene) -> None:
    client = scene.come("leader")

    response = client.post(
        f"/intakes/{scene.intake_id}/credits",
        data={"csrf_token": token(scene.app, client)},
        headers={"Accept": "application/problem+json"},
    )

    assert response.json is not None
    assert (response.json["code"], response.json["field"]) == ("nothing_chosen", "proposal")


@pytest.mark.parametrize(("method", "address", "status"), [("GET", "/nowhere", 404), ("DELETE", "/sync", 405)])
def test_what_flask_refuses_looks_the_same(scene: Scene, method: str, address: str, status: int) -> None:
    response = scene.come("administrator").open(address, method=method)

    assert response.status_code == status
    assert "Номер отказа для администратора:" in response.text


@pytest.mark.parametrize(("method", "address"), [("GET", "/nowhere"), ("DELETE", "/sync"), ("GET", "/")])
def test_who_has_no_visit_is_sent_to_the_course_and_to_the_only_moodle(
    scene: Scene, database: Database, method: str, address: str
) -> None:
    told = "Откройте курс в Moodle и перейдите по ссылке оттуда."
    with database.transaction() as session:
        scene.here.session = session
        session.add(scene.here.moodle)
        scene.here.link(5)
        url = scene.here.moodle.url

    alone = scene.come("nobody").open(address, method=method).text
    with database.transaction() as session:
        other = World(session, "elsewhere")
        other_url = other.moodle.url
        registration = other.link(6).registration
    with_another = scene.come("nobody").open(address, method=method).text
    with database.transaction() as session:
        session.merge(registration).disabled_at = NOW
    once_disabled = scene.come("nobody").open(address, method=method).text

    assert told in alone
    assert f'href="{url}"' in alone
    assert "главную" not in alone
    assert told in with_another
    assert url not in with_another
    assert other_url not in with_another
    assert f'href="{url}"' in once_disabled


def test_an_unregistered_moodle_is_not_shown_to_who_has_no_visit(scene: Scene) -> None:
    assert scene.here.moodle.url not in scene.come("nobody").get("/nowhere").text


def test_who_has_a_visit_is_led_to_the_first_page(scene: Scene) -> None:
    page = scene.come("trainee").get("/nowhere").text

    assert "Вернитесь на главную страницу" in page
    assert "Перейти в Moodle" not in page


def test_too_large_a_form_is_refused_with_words(scene: Scene) -> None:
    client = scene.come("leader")

    response = client.post("/language", data={"next": "x" * (9 * 1024 * 1024)})

    assert response.status_code == 413
    assert "не больше 8 МБ" in response.text


def test_the_number_on_the_page_is_in_the_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        page = scene.come("trainee").get("/sync").text

    reference = page.split("<code>")[1].split("</code>")[0]
    assert f"reference={reference}" in caplog.text


def test_what_breaks_is_a_page_and_its_message_stays_out_of_the_log(
    app: Flask, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.transaction() as session:
        world = World(session)

    name, address = "Иванова", "ivanova@example.org"

    @app.get("/breaks")
    @needs(Permission.PUBLIC)
    def breaks() -> str:
        try:
            raise KeyError(address)
        except KeyError as error:
            raise RuntimeError(name) from error

    app.config["TESTING"] = False
    response = visit(app, world).get("/breaks")

    assert response.status_code == 500
    assert "На нашей стороне произошла ошибка." in response.text
    assert "builtins.RuntimeError" in caplog.text
    assert "builtins.KeyError" in caplog.text
    assert name not in caplog.text
    assert address not in caplog.text
    assert response.text.split("<code>")[1].split("</code>")[0] in caplog.text


def test_logs_of_refusals_name_nobody(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        scene.come("trainee").get("/sync")
        scene.come("leader elsewhere").get(f"/meetings/{scene.meeting_id}")

    assert "refused" in caplog.text
    for name in (scene.trainee.last_name, scene.here.leader.last_name):
        assert name not in caplog.text


def test_a_visit_ends_after_its_hours(scene: Scene, clock: MovableClock) -> None:
    client = scene.come("leader")
    clock.move(hours=9, minutes=59)
    still = client.get("/").status_code
    clock.move(minutes=2)

    assert still == 200
    assert client.get("/").status_code == 401


def test_the_offer_to_send_again_works_with_a_fresh_token(scene: Scene, clock: MovableClock) -> None:
    """What the page offers, pressed: the attendance is confirmed after all."""
    client = scene.come("leader")
    address = f"/meetings/{scene.meeting_id}/attendance"
    offer = client.post(address, data={"csrf_token": "old", "present": scene.trainee_id}, headers={"Origin": HERE}).text
    fresh = offer.split('name="csrf_token" value="')[1].split('"')[0]

    page = client.post(address, data={"csrf_token": fresh, "present": scene.trainee_id}, follow_redirects=True)

    assert page.request.path == f"/meetings/{scene.meeting_id}"
    assert "Посещаемость подтверждена." in page.text


def test_signing_out_ends_the_visit_and_says_how_to_come_back(scene: Scene) -> None:
    client = scene.come("leader", language="en")
    button = client.get("/").text

    page = client.post("/sign-out", data={"csrf_token": token(scene.app, client)}, follow_redirects=True)

    assert 'action="/sign-out"' in button
    assert "Sign out" in button
    assert page.request.path == "/signed-out"
    assert '<html lang="en">' in page.text
    assert "To come back, open your course in Moodle" in page.text
    assert f'href="{scene.here.moodle.url}" target="_top"' in page.text
    assert scene.here.leader.last_name not in page.text
    assert client.get("/").status_code == 401


def test_signing_out_needs_the_forms_token(scene: Scene) -> None:
    client = scene.come("leader")

    assert client.post("/sign-out").status_code == 400
    assert client.get("/").status_code == 200


def test_who_has_come_back_is_not_told_that_they_left(scene: Scene) -> None:
    response = scene.come("leader").get("/signed-out")

    assert (response.status_code, response.location) == (303, "/")


def test_the_farewell_stays_in_moodles_frame(scene: Scene) -> None:
    client = scene.come("trainee")

    page = client.post("/sign-out", data={"csrf_token": token(scene.app, client)}, follow_redirects=True)

    assert policy_of(page)["frame-ancestors"] == "*"
    assert page.headers["Cache-Control"] == "no-store"


def test_an_approval_by_somebody_without_a_name_reads_as_a_sentence(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        plan = session.get_one(HeldPlan, scene.plan_id)
        plan.state, plan.approved_at, plan.approved_by = PlanState.APPROVED, NOW, ""

    page = scene.come("administrator").get("/sync").text

    assert "Разрешено: вт, 24 ноября, 15:00; план будет выполнен при следующем обмене." in page


def test_a_room_under_http_can_be_joined_from_a_tool_under_https(scene: Scene) -> None:
    parts = scene.app.extensions["ploshchadka"]
    parts.settings = replace(parts.settings, public_url="https://tool.example.org")

    page = scene.come("trainee").get(f"/intakes/{scene.intake_id}")

    assert policy_of(page)["form-action"] == "'self' https: http:"


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://мудл.рф", "https://xn--d1aob2a.xn--p1ai"),
        ("https://мудл.рф:8443/lms", "https://xn--d1aob2a.xn--p1ai:8443"),
        ("https://moodle.example.org/lms", "https://moodle.example.org"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_cyrillic_address_of_a_moodle_stands_in_headers_as_browsers_compare_it(
    scene: Scene, address: str, origin: str
) -> None:
    client = scene.come("trainee")
    with client.session_transaction() as cookie:
        cookie["who"] = [*cookie["who"][:5], origin_of(address), cookie["who"][6]]

    page = client.get(f"/intakes/{scene.intake_id}")

    assert policy_of(page)["frame-ancestors"] == origin
    page.headers["Content-Security-Policy"].encode("latin-1")


@pytest.mark.parametrize("url", ["https://мудл.рф/mod/lti/certs.php", "https://xn--d1aob2a.xn--p1ai/mod/lti/certs.php"])
@pytest.mark.parametrize("base", ["https://мудл.рф", "https://xn--d1aob2a.xn--p1ai"])
def test_a_cyrillic_address_and_its_punycode_are_one_host(url: str, base: str) -> None:
    assert is_below(url, base)
    assert not is_below(url, "https://мудла.рф")
    assert not is_below("https://мудл..рф/", base)
