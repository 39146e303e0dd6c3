"""A tool that fits a page: it registers itself, launches, and picks a link; nothing of what it is sent is checked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any
from urllib.parse import urlencode

import jwt
import requests
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from .tool import DL, LTI, jwks, sign

CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"


class MiniTool:
    """The tool's pages; `url` is its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client_id = ""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        pages: dict[str, Callable[[Request], Response]] = {
            "/register": self.register,
            "/login": self.login,
            "/launch": self.launch,
            "/jwks": self.key_set,
        }
        page = pages.get(request.path, self.missing)
        return page(request)(environ, start_response)

    def missing(self, request: Request) -> Response:
        return Response(f"nothing at {request.path}", 404)

    def key_set(self, request: Request) -> Response:
        return Response(json.dumps(jwks()), content_type="application/json")

    def html(self, body: str) -> Response:
        return Response(f"<!doctype html><title>Tool</title><body>{body}", content_type="text/html; charset=utf-8")

    def register(self, request: Request) -> Response:
        platform = requests.get(request.args["openid_configuration"], timeout=10).json()
        body = {
            "client_name": "Площадка",
            "initiate_login_uri": f"{self.url}/login",
            "redirect_uris": [f"{self.url}/launch"],
            "jwks_uri": f"{self.url}/jwks",
            "scope": "",
            CONFIGURATION: {
                "domain": self.url.partition("//")[2],
                "target_link_uri": f"{self.url}/launch",
                "claims": ["sub", "name"],
                "messages": [{"type": "LtiDeepLinkingRequest", "target_link_uri": f"{self.url}/launch"}],
            },
        }
        headers = {"Authorization": f"Bearer {request.args['registration_token']}"}
        answer = requests.post(platform["registration_endpoint"], json=body, headers=headers, timeout=10).json()
        self.client_id = answer["client_id"]
        return self.html("<script>parent.postMessage({subject: 'org.imsglobal.lti.close'}, '*')</script>")

    def login(self, request: Request) -> Response:
        query = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": request.form["client_id"],
            "redirect_uri": f"{self.url}/launch",
            "login_hint": request.form["login_hint"],
            "lti_message_hint": request.form["lti_message_hint"],
            "nonce": "n1",
            "state": "s1",
        }
        address = f"{request.form['iss']}/mod/lti/auth.php?{urlencode(query)}"
        return Response("", 302, headers={"Location": address})

    def launch(self, request: Request) -> Response:
        claims = jwt.decode(request.form["id_token"], options={"verify_signature": False})
        if claims[f"{LTI}/message_type"] == "LtiResourceLinkRequest":
            return self.html(f"<h1>Здравствуйте, {escape(claims['name'])}</h1>")
        settings = claims[f"{DL}/deep_linking_settings"]
        answer = {
            "iss": claims["aud"],
            "aud": claims["iss"],
            "exp": claims["exp"],
            "nonce": "n2",
            f"{LTI}/message_type": "LtiDeepLinkingResponse",
            f"{LTI}/version": "1.3.0",
            f"{LTI}/deployment_id": claims[f"{LTI}/deployment_id"],
            f"{DL}/content_items": [{"type": "ltiResourceLink", "title": "Выбранный поток"}],
        }
        return self.html(
            f"<form method=post action='{escape(settings['deep_link_return_url'])}'>"
            f"<input type=hidden name=JWT value='{sign(answer)}'><button>Выбрать</button></form>"
        )


@contextmanager
def running_tool(host: str) -> Iterator[MiniTool]:
    """Serve the tool under a host name of its own."""
    tool = MiniTool("")
    server = make_server("127.0.0.1", 0, tool, threaded=True)
    tool.url = f"http://{host}:{server.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield tool
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
