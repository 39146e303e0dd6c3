"""The tool and the sandbox Moodle, both over real HTTP, and a browser between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from html.parser import HTMLParser
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin

import requests
from flask import Flask, jsonify
from sqlalchemy import select
from werkzeug.serving import make_server

from config.settings import Settings
from lti_app import create_app
from lti_app.core.permissions import SYSTEM
from lti_app.lti.invitations import invite
from lti_app.lti.launch import Launch
from lti_app.lti.models import LtiRegistration, Moodle
from moodle_sync.sandbox import Sandbox
from tests.conftest import DATA_KEY

SEED: dict[str, Any] = {
    "users": [
        {"username": "anna", "firstname": "Анна", "lastname": "Иванова", "email": "anna@example.org"},
        {"username": "boris", "firstname": "Борис", "lastname": "Петров", "email": "boris@example.org"},
        {"username": "vera", "firstname": "Вера", "lastname": "Сидорова", "email": "vera@example.org"},
    ],
    "courses": [{"shortname": "PROG-1", "fullname": "Стажировка", "idnumber": "PROG-1"}],
    "enrolments": [
        {"user": "anna", "course": "PROG-1", "role": "student"},
        {"user": "boris", "course": "PROG-1", "role": "student"},
        {"user": "vera", "course": "PROG-1", "role": "editingteacher"},
    ],
}
ANNA, BORIS, VERA = 4, 5, 6
COURSE = 2


@dataclass
class LiveTool:
    """The tool under an address of its own."""

    app: Flask
    url: str
    launches: list[Launch] = field(default_factory=list)

    @property
    def database(self) -> Any:
        return self.app.extensions["ploshchadka"].database


@contextmanager
def serving(database_url: str, smtp_url: str | None = None) -> Iterator[LiveTool]:
    """Run the tool on a free port; its landing shows what it was handed."""
    server = make_server("localhost", 0, Flask("nothing yet"), threaded=True)
    url = f"http://localhost:{server.server_port}"
    settings = Settings(secret_key="s" * 40, data_keys=(DATA_KEY,), public_url=url, database_url=database_url)
    app = create_app(replace(settings, smtp_url=smtp_url))
    live = LiveTool(app, url)

    def land(launch: Launch) -> object:
        live.launches.append(launch)
        return jsonify(asdict(launch))

    app.extensions["ploshchadka"].services["land"] = land
    server.app = app
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield live
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        live.database.dispose()


class Connected:
    """A tool and a sandbox that know each other, and a link in a course."""

    def __init__(self, tool: LiveTool, sandbox: Sandbox) -> None:
        self.tool = tool
        self.sandbox = sandbox
        with tool.database.transaction() as session:
            vault = tool.app.extensions["ploshchadka"].vault
            moodle = Moodle(
                name="pocket",
                url=sandbox.url,
                token_encrypted=vault.seal(sandbox.token),
                created_at=tool.app.extensions["ploshchadka"].clock(),
            )
            session.add(moodle)

    def invitation(self) -> str:
        with self.tool.database.transaction() as session:
            moodle = session.scalars(select(Moodle)).one()
            token = invite(session, moodle=moodle, actor=SYSTEM, now=self.tool.app.extensions["ploshchadka"].clock())
        return f"{self.tool.url}/lti/register/{token}"

    def control(self, what: str, **given: Any) -> Any:
        response = requests.post(f"{self.sandbox.url}/_sandbox/{what}", json=given, timeout=10)
        assert response.status_code == 200, response.text
        return response.json()

    def register(self) -> requests.Response:
        address = self.control("invite", url=self.invitation())["url"]
        return requests.get(address, timeout=20)

    def add_link(self) -> dict[str, Any]:
        self.control("activate")
        tool = next(iter(self.sandbox.state.tools.values()))
        self.link: dict[str, Any] = self.control(
            "activities", course="PROG-1", name="Площадка", tool=tool.name, completion="grade"
        )
        return self.link

    @property
    def registration(self) -> LtiRegistration:
        with self.tool.database.session(writes=False) as session:
            row = session.scalars(select(LtiRegistration)).one()
            _ = row.moodle
            return row


class _Form(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = given.get("action") or ""
        elif tag == "input" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""


class _LocalSession(requests.Session):
    """Send secure cookies to localhost over http, as browsers do."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(secure_protocols=("http", "https")))

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        prepared = super().prepare_request(request)
        prepared.headers.pop("Cookie", None)
        prepared.prepare_cookies(self.cookies)  # requests itself would go by another policy here
        return prepared


class Browser:
    """A browser that posts the forms it meets."""

    def __init__(self, connected: Connected, user: str) -> None:
        self.moodle = connected.sandbox.url
        self.http = _LocalSession()
        self.http.post(f"{self.moodle}/login/index.php", data={"userid": user}, timeout=10)

    def submit(self, page: requests.Response) -> requests.Response:
        form = _Form(page.text)
        assert form.action is not None, page.text
        return self.http.post(urljoin(page.url, form.action), data=form.fields, timeout=10)

    def go(self, address: str) -> requests.Response:
        """Open an address of the Moodle and go through login and Moodle's answer to the tool's page."""
        announced = self.http.get(f"{self.moodle}{address}", timeout=10)
        answered = self.submit(announced)
        return self.submit(answered)
