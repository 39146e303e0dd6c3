"""All routes × all roles: who gets in, and that nobody gets at what belongs to another site or another trainee."""

from __future__ import annotations

from itertools import product

import pytest
from flask import Flask
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.edge import OPEN_ENDPOINTS
from lti_app.core.permissions import permission_of
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import JoinLog
from lti_app.people.models import Person
from lti_app.sync.questions import fingerprint
from tests.lti_app.web.conftest import CANDIDATES, Ledger, Scene
from tests.lti_app.web.may import walks
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import World

ROLES = (
    "nobody",
    "stranger",
    "trainee",
    "trainee elsewhere",
    "leader",
    "leader elsewhere",
    "trainee who leads elsewhere",
    "administrator",
    "centre",
    "council",
)
BOTH = "trainee who leads elsewhere"
"""A trainee of ``here`` who leads a third site: gets at ``here`` what a trainee gets, and nothing of its leader's."""
OF_THE_AUTHOR = frozenset(("GET", f"applications.{name}") for name in ("application", "edit", "paper"))
"""What the table grants to the scene's trainee as the author, not as a trainee."""
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
    ("GET", "credits.meeting"): frozenset({"leader", "trainee", "trainee elsewhere"}),  # who is a guest of it
    ("POST", "credits.attendance"): frozenset({"leader"}),
    ("POST", "meetings.join"): frozenset({"trainee", "trainee elsewhere"}),  # a guest of it, too
    ("POST", "meetings.leave"): frozenset({"trainee", "trainee elsewhere"}),  # a guest of it, too
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
OF_ONE = OF_THE_AUTHOR | {key for walk in WALKS for key in getattr(walk, "OF_ONE", ())}
"""What only the scene's own trainee gets, and no other trainee of ``here``."""


def with_both(key: tuple[str, str], who: frozenset[str]) -> frozenset[str]:
    """Let who has two roles get what either of them gets at ``here``."""
    as_trainee = "trainee" in who and key not in OF_ONE
    return who | {BOTH} if as_trainee or "leader elsewhere" in who else who - {BOTH}


MAY: dict[tuple[str, str], frozenset[str]] = {
    key: with_both(key, who) for may in (OWN, *(walk.MAY for walk in WALKS)) for key, who in may.items()
}
"""Who gets an answer below 400; the LTI addresses have tests of their own."""


def trainee_who_leads_elsewhere(scene: Scene, database: Database) -> tuple[Person, World]:
    """Give the leader of a third site, with an intake and a trainee there, a place in the intake of ``here``."""
    with database.transaction() as session:
        third = World(session, "c", moodle=scene.here.moodle)
        third.trainee("Третьякова")
        scene.here.session = session
        session.add(scene.here.intake)
        scene.here.trainee(person=third.leader)
        return third.leader, third


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
def test_a_role_gets_what_it_may_and_nothing_else(
    scene: Scene, ledger: Ledger, database: Database, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What watchers do meanwhile (requests that lapse, …) would change what later routes of the walk find.
    monkeypatch.setattr("lti_app.core.edge.deliver_in_background", lambda _parts: None)
    both = trainee_who_leads_elsewhere(scene, database)[0] if role == BOTH else None
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
        client = visit(scene.app, scene.here, both) if both else scene.come(role)
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


def test_a_trainee_who_leads_elsewhere_is_shown_the_own_record_here_and_the_grid_there(
    scene: Scene, database: Database
) -> None:
    person, third = trainee_who_leads_elsewhere(scene, database)
    browser = visit(scene.app, scene.here, person)
    leader = scene.come("leader").get(f"/intakes/{scene.intake_id}").text
    assert scene.trainee.full_name in leader

    for address in (f"/intakes/{scene.intake_id}", f"/intakes/{scene.intake_id}?as=leader"):
        assert scene.trainee.full_name not in browser.get(address).text
    assert scene.trainee.full_name not in browser.get(f"/meetings/{scene.meeting_id}").text
    assert "Третьякова Анна" in browser.get(f"/intakes/{third.intake.id}").text


def test_leading_elsewhere_confirms_nobody_here_and_not_oneself(scene: Scene, database: Database) -> None:
    person, _third = trainee_who_leads_elsewhere(scene, database)
    browser = visit(scene.app, scene.here, person)
    with database.session(writes=False) as session:
        own = session.scalars(select(Trainee.id).where(Trainee.person_id == person.id)).one()
    for trainee_id in (own, scene.trainee_id):
        answer = browser.post(
            f"/meetings/{scene.meeting_id}/attendance",
            data={"csrf_token": token(scene.app, browser), "present": str(trainee_id)},
        )
        assert answer.status_code == 403
    answer = browser.post(
        f"/intakes/{scene.intake_id}/credits",
        data={"csrf_token": token(scene.app, browser), "proposal": str(scene.proposal_id)},
    )
    assert answer.status_code == 403


def test_a_trainee_who_leads_elsewhere_joins_here_as_a_trainee(scene: Scene, database: Database) -> None:
    person, _third = trainee_who_leads_elsewhere(scene, database)
    browser = visit(scene.app, scene.here, person)
    joined = browser.post(f"/meetings/{scene.meeting_id}/join", data={"csrf_token": token(scene.app, browser)})

    assert joined.status_code < 400
    with database.session(writes=False) as session:
        stay = session.scalars(select(JoinLog).where(JoinLog.meeting_id == scene.meeting_id)).one()
        assert session.get_one(Trainee, stay.trainee_id).person_id == person.id


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
