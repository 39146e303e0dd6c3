"""A Moodle of the test's own: it signs what the test wants signed and serves its key set over real HTTP.

The claims are those of a recorded launch (launch_payload_stud1.json).
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from copy import deepcopy
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import RSAAlgorithm
from jwt.api_jws import PyJWS
from werkzeug.test import TestResponse

from lti_app.lti.models import LtiRegistration, Moodle

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings" / "moodle-4.5" / "lti"
TOOL_URL = "http://localhost:8700"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
ABSENT = object()

jws = PyJWS()


def recorded(name: str) -> Any:
    return json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))


class SigningKey:
    """An RSA key with a name."""

    def __init__(self, kid: str, bits: int = 2048) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def jwk(self) -> dict[str, Any]:
        return {**RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True), "kid": self.kid, "alg": "RS256"}


class KeySetServer:
    """Serve /mod/lti/certs.php, count the requests, and misbehave when told to."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.requests = 0
        self.status = 200
        self.body: bytes | None = None
        self.headers: dict[str, str] = {}
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                outer.hold.wait(10)
                body = json.dumps({"keys": outer.keys}).encode() if outer.body is None else outer.body
                with suppress(ConnectionError):  # who asked may have given up
                    self.send_response(outer.status)
                    self.send_header("Content-Length", str(len(body)))
                    for name, value in outer.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


class SmallMoodle:
    """Store a Moodle with a registration, and play its part in a login and a launch."""

    def __init__(self, app: Flask, key: SigningKey, server: KeySetServer, name: str = "one") -> None:
        self.app = app
        self.tool = app.extensions["ploshchadka"]
        self.key = key
        self.server = server
        server.keys = [key.jwk()]
        self.url = server.url
        self.client_id = f"client-{name}"
        self.deployment_id = "1"
        with self.tool.database.transaction() as session:
            moodle = Moodle(name=name, url=self.url, token_encrypted="sealed", created_at=self.tool.clock())
            session.add(moodle)
            session.flush()
            self.moodle_id = moodle.id
        self.registration_id = self.register()

    def register(self, **other: str) -> int:
        values = {
            "issuer": self.url,
            "client_id": self.client_id,
            "deployment_id": self.deployment_id,
            "auth_login_url": f"{self.url}/mod/lti/auth.php",
            "auth_token_url": f"{self.url}/mod/lti/token.php",
            "key_set_url": f"{self.url}/mod/lti/certs.php",
        } | other
        with self.tool.database.transaction() as session:
            row = LtiRegistration(moodle_id=self.moodle_id, created_at=self.tool.clock(), **values)
            session.add(row)
            session.flush()
            registration_id = row.id
        self.tool.services["lti"].registrations.forget()
        return registration_id

    def login_form(self, **other: Any) -> dict[str, str]:
        form = recorded("login_initiation")["values"] | {
            "iss": self.url,
            "target_link_uri": f"{TOOL_URL}/lti/launch",
            "client_id": self.client_id,
            "lti_deployment_id": self.deployment_id,
        }
        return {name: value for name, value in (form | other).items() if value is not ABSENT}

    def login(self, browser: FlaskClient, **other: Any) -> dict[str, str]:
        """Begin a launch as Moodle's form does; return what the redirect asks of Moodle."""
        response = browser.post("/lti/login", data=self.login_form(**other))
        assert response.status_code == 302, response.text
        return {name: values[0] for name, values in parse_qs(urlsplit(response.location).query).items()}

    def claims(self, asked: dict[str, str], now: datetime | None = None, **other: Any) -> dict[str, Any]:
        """Return the recorded claims, made to fit; ``other`` changes them, ABSENT takes one out."""
        moment = int((now or self.tool.clock()).timestamp())
        text = json.dumps(recorded("launch_payload_stud1")).replace("http://localhost:8080", self.url)
        claims: dict[str, Any] = json.loads(text)
        claims |= {
            "aud": self.client_id,
            "nonce": asked["nonce"],
            "iat": moment,
            "exp": moment + 60,
            f"{CLAIM}target_link_uri": f"{TOOL_URL}/lti/launch",
        }
        return {name: value for name, value in (claims | other).items() if value is not ABSENT}

    def sign(self, claims: dict[str, Any], key: SigningKey | None = None, **header: Any) -> str:
        key = key or self.key
        # Not jwt.encode, which refuses claims of a wrong kind.
        return jws.encode(
            json.dumps(claims).encode(), key.private, algorithm="RS256", headers={"kid": key.kid, **header}
        )

    def launch(self, browser: FlaskClient, **other: Any) -> TestResponse:
        """Go the whole way: login, Moodle's answer, launch."""
        asked = self.login(browser)
        return self.post(browser, asked, self.sign(self.claims(asked, **other)))

    def post(self, browser: FlaskClient, asked: dict[str, str], token: str, **headers: str) -> TestResponse:
        path = urlsplit(asked["redirect_uri"]).path
        return browser.post(
            path, data={"id_token": token, "state": asked["state"]}, headers={"Sec-Fetch-Dest": "iframe", **headers}
        )


def changed(claims: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the claims with what stands at ``path`` (claim/field) changed, or taken out for ABSENT."""
    copy = deepcopy(claims)
    *outer, last = path.split("|")
    place = copy
    for name in outer:
        place = place[name]
    if value is ABSENT:
        place.pop(last, None)
    else:
        place[last] = value
    return copy


def wait_until(condition: Any, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
