"""Look at a page as people will: on a phone and on a desk, with the rules of accessibility; and come in as anybody."""

from __future__ import annotations

import os

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Page

from lti_app.core.edge import SignedIn
from lti_app.core.permissions import Role
from lti_app.people.models import Person, RoleGrant
from tests.browser.conftest import ARTEFACTS
from tests.lti_app.web.visits import tied_user
from tests.lti_app.world import NOW, World

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE, DESK = 360, 1280


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture of the page among the artefacts where PICTURES=1 asks for it: each takes half a second."""
    if os.environ.get("PICTURES") == "1":
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=str(ARTEFACTS / f"{name}.png"), full_page=True)


def look_at(page: Page, name: str) -> None:
    """Look at 360 and 1280 px; fail where axe finds something or the page spills over a phone's width."""
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 900})
        keep_picture(page, f"{name}-{width}")
        report = Axe().run(page, options={"runOnly": RULES})
        assert not report.violations_count, f"{name} at {width}: {report.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} spills at {width}"


def grant(app: Flask, world: World, person: Person, role: Role) -> None:
    """Give a person a role in the world's Moodle."""
    user = tied_user(app, world.moodle.id, person.id)
    with app.extensions["ploshchadka"].database.transaction() as session:
        session.add(RoleGrant(moodle_id=world.moodle.id, user_id=user, role=role, granted_at=NOW))


def come_in_as(page: Page, app: Flask, world: World, person: Person, address: str, language: str = "ru") -> None:
    """Begin a visit as ``person`` in this window."""
    visitor = SignedIn(
        moodle_id=world.moodle.id,
        user_id=tied_user(app, world.moodle.id, person.id),
        person_id=person.id,
        name=person.full_name,
        is_moodle_admin=False,
        moodle_origin=address,
        since=int(NOW.timestamp()),
    )
    app.extensions["visits_to_begin"].append((visitor, language))
    page.goto(f"{address}/come-in")
