"""Two bare tools that a launch is measured beside, each served by gunicorn just as ours is.

`library()` is the example from pylti1p3's documentation, nothing added: Flask session, key set fetched at each launch.
`library_caching()` is the same with the library's own key cache in the process. `verifier()` only verifies: PyJWT with
its key client, no state, no nonce, no database.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import jwt
from flask import Flask, redirect, request
from pylti1p3.contrib.flask import FlaskMessageLaunch, FlaskOIDCLogin, FlaskRequest
from pylti1p3.launch_data_storage.base import LaunchDataStorage
from pylti1p3.tool_config import ToolConfDict


def _platform() -> dict[str, str]:
    given: dict[str, str] = json.loads(os.environ["BENCH_PLATFORM"])
    return given


class _InProcess(LaunchDataStorage[Any]):
    """Keep values in the process, as flask-caching's SimpleCache does; enough for a key set."""

    values: dict[str, tuple[Any, float]] = {}

    def can_set_keys_expiration(self) -> bool:
        return True

    def get_value(self, key: str) -> Any:
        value, until = self.values.get(self._prepare_key(key), (None, 0.0))
        return value if time.time() < until else None

    def set_value(self, key: str, value: Any, exp: int | None = None) -> None:
        self.values[self._prepare_key(key)] = (value, time.time() + (exp or 3600))

    def check_value(self, key: str) -> bool:
        return self.get_value(key) is not None


def _library(*, caches_keys: bool) -> Flask:
    platform = _platform()
    app = Flask(__name__)
    app.secret_key = secrets.token_hex(32) if "BENCH_SECRET" not in os.environ else os.environ["BENCH_SECRET"]
    config = ToolConfDict(
        {
            platform["issuer"]: [
                {
                    "default": True,
                    "client_id": platform["client_id"],
                    "auth_login_url": platform["auth_login_url"],
                    "auth_token_url": platform["auth_token_url"],
                    "key_set_url": platform["key_set_url"],
                    "deployment_ids": [platform["deployment_id"]],
                }
            ]
        }
    )

    @app.post("/lti/login")
    def login() -> Any:
        return FlaskOIDCLogin(FlaskRequest(), config).redirect(platform["launch_url"])

    @app.post("/lti/launch")
    def launch() -> Any:
        message = FlaskMessageLaunch(FlaskRequest(), config)
        if caches_keys:
            message.set_public_key_caching(_InProcess())
        return {"name": message.get_launch_data()["name"]}

    return app


def library() -> Flask:
    return _library(caches_keys=False)


def library_caching() -> Flask:
    return _library(caches_keys=True)


def verifier() -> Flask:
    platform = _platform()
    app = Flask(__name__)
    keys = jwt.PyJWKClient(platform["key_set_url"])

    @app.post("/lti/login")
    def login() -> Any:
        asked = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": request.form["client_id"],
            "redirect_uri": platform["launch_url"],
            "login_hint": request.form["login_hint"],
            "lti_message_hint": request.form["lti_message_hint"],
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
        }
        return redirect(f"{platform['auth_login_url']}?{urlencode(asked)}")

    @app.post("/lti/launch")
    def launch() -> Any:
        token = request.form["id_token"]
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token, key.key, algorithms=["RS256"], audience=platform["client_id"], issuer=platform["issuer"]
        )
        return {"name": claims["name"]}

    return app
