"""Files go to those who may see the row that they belong to, to be saved and never to be shown in the tool's name."""

from __future__ import annotations

import pytest
from flask import Flask, render_template_string
from sqlalchemy.orm import Session

from lti_app.core.attachments import Upload, add_attachment, remove_attachment
from lti_app.core.db import Database
from lti_app.core.permissions import Actor
from lti_app.web import attachment_views
from tests.lti_app.core.documents import PDF
from tests.lti_app.web.conftest import Scene
from tests.lti_app.world import NOW


def _its_leader(_session: Session, who: Actor, site_id: int) -> None:
    who.require_site(site_id)


@pytest.fixture
def files(app: Flask, scene: Scene, database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Attach to both sites a file, one more that was removed, and one to a table that no feature has a rule for."""
    monkeypatch.setattr(attachment_views, "FEATURES", ({"site": _its_leader},))
    store = app.extensions["ploshchadka"].services["attachments"]
    who = Actor(person_id=None, name="центр")
    with database.transaction() as session:
        owners = {"here": scene.here.site, "there": scene.there.site, "gone": scene.here.site}
        rows = {
            name: add_attachment(
                session,
                store,
                owner=session.merge(owner),
                purpose="scan",
                upload=Upload('приказ "№ 5"\r\nX: 1.pdf', PDF),
                actor=who,
                now=NOW,
            )
            for name, owner in (*owners.items(), ("no rule", scene.here.organisation))
        }
        remove_attachment(session, rows["gone"].id, actor=who, now=NOW)
        lost = add_attachment(
            session,
            store,
            owner=session.merge(scene.here.site),
            purpose="scan",
            upload=Upload("a", PDF),
            actor=who,
            now=NOW,
        )
        store.remove([lost.stored_as])
        return {name: row.id for name, row in rows.items()} | {"lost": lost.id, "never": 999}


def test_a_file_is_sent_to_be_saved_under_its_name(scene: Scene, files: dict[str, int]) -> None:
    response = scene.come("leader").get(f"/attachments/{files['here']}")

    assert (response.status_code, response.data) == (200, PDF)
    told = dict(response.headers)
    assert told["Content-Type"] == "application/pdf"
    assert told["Content-Disposition"] == (
        "attachment; filename*=UTF-8''%D0%BF%D1%80%D0%B8%D0%BA%D0%B0%D0%B7%20%E2%84%96%205%20X%201.pdf"
    )
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert told["Cache-Control"] == "private, no-store"
    assert told["Content-Length"] == str(len(PDF))


def test_what_is_missing_and_what_is_somebody_elses_are_refused_alike(scene: Scene, files: dict[str, int]) -> None:
    bodies = set()
    for name in ("there", "gone", "no rule", "lost", "never"):
        response = scene.come("leader").get(f"/attachments/{files[name]}", headers={"Accept": "application/json"})
        assert response.status_code == 404, name
        problem = response.get_json()
        bodies.add((problem["title"], problem["status"], problem.get("code")))
    assert len(bodies) == 1
    assert scene.come("administrator").get(f"/attachments/{files['here']}").status_code == 404
    assert scene.come("nobody").get(f"/attachments/{files['here']}").status_code == 401


def test_forms_say_what_is_taken_and_lists_what_there_is(app: Flask, scene: Scene, database: Database) -> None:
    source = """{% import "components.html" as ui with context %}
      {{ ui.attachment_field("scan", "Скан приказа", "Все листы.") }}{{ ui.attachments(files, true) }}"""
    store = app.extensions["ploshchadka"].services["attachments"]
    with database.session() as session, app.test_request_context(headers={"Accept-Language": "ru"}):
        upload = Upload("<b>.pdf", PDF)
        who = Actor(person_id=None, name="Центр")
        owner = session.merge(scene.here.site)
        row = add_attachment(session, store, owner=owner, purpose="scan", upload=upload, actor=who, now=NOW)
        page = render_template_string(source, files=[row])
    assert 'accept=".pdf,.docx,.xlsx,.odt,.ods,.jpg,.jpeg,.png"' in page
    assert "Все листы. PDF, DOCX, XLSX, ODT, ODS, JPG, PNG; не больше 6 МБ." in page
    assert "1 КБ" in page
    assert f'value="{row.id}"' in page
