"""All routes × all roles: who gets in, and that nobody gets at what belongs to another site or another trainee."""

from __future__ import annotations

from itertools import product

import pytest
from flask import Flask

from lti_app.core.edge import OPEN_ENDPOINTS
from lti_app.core.permissions import permission_of
from lti_app.sync.questions import fingerprint
from tests.lti_app.web.conftest import CANDIDATES, Ledger, Scene
from tests.lti_app.web.may import walks
from tests.lti_app.web.visits import token

ROLES = (
    "nobody",
    "stranger",
    "trainee",
    "trainee elsewhere",
    "leader",
    "leader elsewhere",
    "administrator",
    "centre",
    "council",
)
EVERYBODY = frozenset(ROLES)
VISITORS = EVERYBODY - {"nobody"}
LEADERS = frozenset({"leader", "leader elsewhere"})

OWN = {
    ("GET", "site.home"): VISITORS - {"stranger"},
    ("GET", "site.course"): frozenset(),  # without the sealed name of a course it says so to everybody
    ("POST", "site.language"): VISITORS,
    ("POST", "site.leave"): VISITORS,
    ("GET", "site.left"): EVERYBODY,
    ("GET", "site.theme"): EVERYBODY,
    ("GET", "site.icons"): EVERYBODY,
    ("GET", "credits.intake"): frozenset({"leader", "trainee"}),
    ("POST", "credits.confirm"): frozenset({"leader"}),
    ("POST", "credits.outsiders"): frozenset({"leader"}),
    ("GET", "credits.ledger"): frozenset({"leader"}),
    ("GET", "credits.reverse"): frozenset({"leader"}),
    ("POST", "credits.reverse"): frozenset({"leader"}),
    ("POST", "credits.put_forward"): frozenset({"leader"}),
    ("GET", "credits.meeting"): frozenset({"leader", "trainee"}),
    ("POST", "credits.attendance"): frozenset({"leader"}),
    ("POST", "meetings.join"): frozenset({"trainee"}),
    ("POST", "meetings.leave"): frozenset({"trainee"}),
    ("POST", "meetings.close_stay"): frozenset({"leader"}),
    ("GET", "intakes.tie"): frozenset(),  # as above
    ("POST", "intakes.tie"): frozenset(),
    ("GET", "intakes.choose"): frozenset(),
    ("GET", "intakes.share"): frozenset({"leader"}),
    ("POST", "intakes.share"): frozenset(),  # nothing is chosen
    ("GET", "sync.runs"): frozenset({"administrator"}),
    ("GET", "sync.run"): frozenset({"administrator"}),
    ("GET", "sync.progress"): frozenset({"administrator"}),
    ("POST", "sync.approve"): frozenset({"administrator"}),
    ("POST", "sync.start"): frozenset({"administrator"}),
    ("POST", "sync.stop"): frozenset({"administrator"}),
    ("POST", "sync.resume"): frozenset({"administrator"}),
    ("GET", "who.people"): frozenset({"administrator"}),
    ("POST", "who.decide"): frozenset({"administrator"}),
    ("GET", "operations.healthz"): EVERYBODY,
    ("GET", "operations.readyz"): EVERYBODY,
    ("GET", "operations.metrics"): EVERYBODY,
}
WALKS = walks()
MAY: dict[tuple[str, str], frozenset[str]] = {
    key: who for may in (OWN, *(walk.MAY for walk in WALKS)) for key, who in may.items()
}
"""Who gets an answer below 400; the LTI addresses have tests of their own."""


def routes(app: Flask) -> set[tuple[str, str]]:
    """Return every (method, endpoint) that a browser can ask for."""
    return {
        (method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}
        if rule.endpoint not in OPEN_ENDPOINTS and not rule.endpoint.startswith("lti.")
    }


def test_every_route_names_its_permission(app: Flask) -> None:
    unnamed = [name for name, view in app.view_functions.items() if permission_of(view) is None]

    assert set(unnamed) <= OPEN_ENDPOINTS


def test_every_route_stands_in_the_table_of_who_may(app: Flask) -> None:
    assert routes(app) == set(MAY)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_what_it_may_and_nothing_else(scene: Scene, ledger: Ledger, role: str) -> None:
    started: list[int] = []
    scene.app.extensions["ploshchadka"].services["start_run"] = started.append
    values = {
        "intake_id": scene.intake_id,
        "meeting_id": scene.meeting_id,
        "trainee_id": scene.trainee_id,
        "run_id": scene.run_id,
        "held_plan_id": scene.plan_id,
        "moodle_id": scene.here.moodle.id,
        "entry_id": ledger.entry_id,
        "question_id": scene.question_id,
    }
    typed: dict[str, str] = {}
    for walk in WALKS:
        values |= walk.values(scene) if hasattr(walk, "values") else {}
        typed |= getattr(walk, "DATA", {})
    elsewhere = {"credits.put_forward": {"trainee_id": ledger.returned_id}}
    got_in: dict[tuple[str, str], bool] = {}
    for (method, endpoint), rule in product(sorted(MAY), scene.app.url_map.iter_rules()):
        if rule.endpoint != endpoint or method not in (rule.methods or set()):
            continue
        client = scene.come(role)
        with scene.app.test_request_context():
            from flask import url_for

            given = values | elsewhere.get(endpoint, {})
            address = url_for(endpoint, **{name: given[name] for name in rule.arguments})
        data = {
            "csrf_token": token(scene.app, client),
            "proposal": str(scene.proposal_id),
            "reason": "ошибка",
            "outsider": str(scene.outsider_id),
            "user": "none",
            "seen": fingerprint(CANDIDATES),
        } | typed
        response = client.get(address) if method == "GET" else client.post(address, data=data)
        assert response.status_code < 500, address
        got_in[method, endpoint] = response.status_code < 400

    assert got_in == {key: role in who for key, who in MAY.items()}
    assert bool(started) == (role == "administrator")


def test_nobody_is_told_to_begin_from_moodle(scene: Scene) -> None:
    response = scene.come("nobody").get("/")

    assert response.status_code == 401
    assert "Откройте курс в Moodle и перейдите по ссылке оттуда." in response.text


def test_a_refusal_says_who_may(scene: Scene) -> None:
    response = scene.come("trainee").get("/sync")

    assert response.status_code == 403
    assert "Доступ имеет: администратор." in response.text


def test_a_leader_of_another_site_cannot_confirm_here(scene: Scene) -> None:
    client = scene.come("leader elsewhere")

    response = client.post(
        f"/meetings/{scene.meeting_id}/attendance",
        data={"csrf_token": token(scene.app, client), "present": str(scene.trainee_id)},
    )

    assert response.status_code == 403
    assert "Это относится к площадке, которой вы не руководите." in response.text


def test_an_administrator_decides_nothing_for_a_leader(scene: Scene) -> None:
    response = scene.come("administrator").get(f"/intakes/{scene.intake_id}")

    assert response.status_code == 403


@pytest.mark.parametrize("address", ["/intakes/999999", "/sync/runs/999999"])
def test_what_is_not_there_is_not_found(scene: Scene, address: str) -> None:
    role = "administrator" if "sync" in address else "leader"

    assert scene.come(role).get(address).status_code == 404
