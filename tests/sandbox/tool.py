"""The tool's side of LTI for tests of the sandbox: keys, assertions, and a browser that posts forms."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from moodle_sync.sandbox import Sandbox

from . import recorded

KID = "tool-key"
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
LTI = "https://purl.imsglobal.org/spec/lti/claim"
DL = "https://purl.imsglobal.org/spec/lti-dl/claim"


def jwks() -> dict[str, Any]:
    """Give the tool's public key set."""
    key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(PRIVATE.public_key()))
    return {"keys": [key | {"kid": KID, "alg": "RS256", "use": "sig"}]}


def sign(claims: dict[str, Any], key: rsa.RSAPrivateKey = PRIVATE, kid: str = KID) -> str:
    """Sign with the tool's key."""
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})


class FormReader(HTMLParser):
    """Reads the first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and not self.action:
            self.action = given.get("action") or ""
        elif tag == "input" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""


def read_form(page: str) -> tuple[str, dict[str, str]]:
    """Read action and fields of a page's form."""
    reader = FormReader()
    reader.feed(page)
    return reader.action, reader.fields


class Browser:
    """A person's browser, as far as a launch needs one."""

    def __init__(self, sandbox: Sandbox, user: str) -> None:
        self.sandbox = sandbox
        self.http = requests.Session()
        answer = self.post("/login/index.php", userid=user)
        assert answer.status_code == 200

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.http.get(urljoin(self.sandbox.local_url, path), params=query, timeout=10)

    def post(self, path: str, **fields: Any) -> requests.Response:
        return self.http.post(urljoin(self.sandbox.local_url, path), data=fields, timeout=10)

    def initiate(self, cmid: int) -> tuple[str, dict[str, str]]:
        """Open a tool's link: the login request that Moodle has the browser post."""
        return read_form(self.get("/mod/lti/launch.php", id=cmid).text)

    def authenticate(self, login: dict[str, str], **changes: str) -> requests.Response:
        """Answer a login request as a tool does."""
        asked = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": login["client_id"],
            "redirect_uri": f"{recorded.TOOL}/launch",
            "login_hint": login["login_hint"],
            "lti_message_hint": login["lti_message_hint"],
            "state": "st1",
            "nonce": "n1",
        }
        return self.get("/mod/lti/auth.php", **(asked | changes))

    def launch(self, cmid: int) -> dict[str, Any]:
        """Launch a link and give the checked claims of its id_token."""
        _, login = self.initiate(cmid)
        _, fields = read_form(self.authenticate(login).text)
        return check_token(self.sandbox, fields["id_token"])


def check_token(sandbox: Sandbox, token: str) -> dict[str, Any]:
    """Check an id_token against the platform's published keys."""
    keys = jwt.PyJWKSet.from_dict(requests.get(f"{sandbox.local_url}/mod/lti/certs.php", timeout=10).json())
    key = next(key for key in keys.keys if key.key_id == jwt.get_unverified_header(token)["kid"])
    options: Any = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(token, key.key, algorithms=["RS256"], audience=recorded.CLIENT_ID, options=options)


AGS_SCOPES = [
    f"https://purl.imsglobal.org/spec/lti-ags/scope/{name}"
    for name in ("lineitem", "lineitem.readonly", "result.readonly", "score")
]
NRPS_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"


def assertion(sandbox: Sandbox, now: int, **changes: Any) -> str:
    """Sign a client assertion."""
    claims = {
        "iss": recorded.CLIENT_ID,
        "sub": recorded.CLIENT_ID,
        "aud": f"{sandbox.url}/mod/lti/token.php",
        "iat": now - 5,
        "exp": now + 60,
        "jti": "j1",
    }
    return sign(claims | changes)


def ask_token(sandbox: Sandbox, client_assertion: str, *scopes: str) -> requests.Response:
    """Ask for an access token."""
    fields = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": client_assertion,
        "scope": " ".join(scopes),
    }
    return requests.post(f"{sandbox.local_url}/mod/lti/token.php", fields, timeout=10)
