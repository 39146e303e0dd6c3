"""The HTTP side: what a request meets on its way to a view, and the views' common ground."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, select_autoescape
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from .faults import Faults
from .lti.keys import PlatformKey, ToolKeys
from .lti.login import FormPost
from .state import Session, State, User

COOKIE = "MoodleSession"
CALLS_KEPT = 100_000


class ConnectionDropped(ConnectionError):
    """Raised to close the connection without an answer."""


@dataclass
class Sandbox:
    """A pocket Moodle: its state, its faults, and all that its views need.

    `local_url` is where it listens, `url` what it calls itself.
    """

    state: State
    faults: Faults
    token: str
    key: PlatformKey = field(default_factory=PlatformKey)
    tool_keys: ToolKeys = field(default_factory=ToolKeys)
    local_url: str = ""
    calls: deque[str] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))

    @property
    def url(self) -> str:
        """Give the public address, which is the issuer too."""
        return self.state.site.url


View = Callable[..., Response]
RULES: list[Rule] = []
UNLOCKED: set[str] = set()
VIEWS: dict[str, View] = {}
TEMPLATES = Environment(
    loader=PackageLoader("moodle_sync.sandbox.pages"), autoescape=select_autoescape(), trim_blocks=True
)


def route(path: str, *methods: str, locked: bool = True) -> Callable[[View], View]:
    """Register a view for a path, for GET and HEAD unless methods are named.

    It runs under the state's lock, unless it sleeps or calls a tool: then it takes the lock itself where needed.
    """

    def register(view: View) -> View:
        endpoint = f"{view.__module__}.{view.__name__}"
        RULES.append(Rule(path, endpoint=endpoint, methods=methods or ("GET",)))
        VIEWS[endpoint] = view
        if not locked:
            UNLOCKED.add(endpoint)
        return view

    return register


def dispatch(sandbox: Sandbox, url_map: Map, request: Request) -> Response:
    """Find the view for a request and run it; faults strike here for all but web services, which know their names."""
    try:
        endpoint, arguments = url_map.bind_to_environ(request.environ).match()
    except HTTPException as refusal:
        return Response.force_type(refusal.get_response(request.environ))

    def answer() -> Response:
        if endpoint in UNLOCKED:
            return VIEWS[endpoint](sandbox, request, **arguments)
        with sandbox.state.lock:
            return VIEWS[endpoint](sandbox, request, **arguments)

    if request.path.startswith(("/_sandbox/", "/webservice/")):
        return answer()
    sandbox.calls.append(request.path)
    return with_faults(sandbox, request.path, answer)


def with_faults(sandbox: Sandbox, operation: str, answer: Callable[[], Response]) -> Response:
    """Answer a request, unless a fault strikes it."""
    faults = sandbox.faults
    kind = faults.strike(operation)
    if kind in ("timeout_before", "drop_before"):
        faults.wait(faults.hang if kind == "timeout_before" else 0)
        raise ConnectionDropped
    if kind == "html":
        return page_response("maintenance.html", sandbox)
    if kind == "http500":
        return Response(b"", 500, content_type="text/html; charset=utf-8")
    response = answer()
    if kind in ("timeout_after", "drop_after"):
        faults.wait(faults.hang if kind == "timeout_after" else 0)
        raise ConnectionDropped
    body = response.get_data()
    if kind == "truncated":
        response.set_data(body[: len(body) // 2])
    elif kind == "empty":
        response.set_data(_emptied(body))
    return response


def _emptied(body: bytes) -> bytes:
    """Empty a list, or the lists in an object."""
    try:
        read = json.loads(body)
    except ValueError:
        return body
    if isinstance(read, list):
        return b"[]"
    if isinstance(read, dict) and "exception" not in read:
        read = {name: [] if isinstance(value, list) else value for name, value in read.items()}
    return json.dumps(read).encode()


def json_response(body: Any, status: int = 200, content_type: str = "application/json") -> Response:
    """Answer JSON."""
    return Response(json.dumps(body, ensure_ascii=False), status, content_type=content_type)


def page_response(template: str, sandbox: Sandbox, status: int = 200, **values: Any) -> Response:
    """Answer a page."""
    text = TEMPLATES.get_template(template).render(site=sandbox.state.site, **values)
    return Response(text, status, content_type="text/html; charset=utf-8")


def form_post(sandbox: Sandbox, form: FormPost) -> Response:
    """Answer a page that posts a form by itself."""
    return page_response("form_post.html", sandbox, action=form.action, fields=form.fields)


def refuse(sandbox: Sandbox, status: int, what: str, why: str = "") -> Response:
    """Answer a page that says no."""
    return page_response("refusal.html", sandbox, status, what=what, why=why, user=None)


def current_session(sandbox: Sandbox, request: Request) -> Session | None:
    """Find the browser's session."""
    return sandbox.state.sessions.get(request.cookies.get(COOKIE, ""))


def current_user(sandbox: Sandbox, request: Request) -> User | None:
    """Find who is logged in."""
    session = current_session(sandbox, request)
    return sandbox.state.users.get(session.user) if session else None


def log_in(sandbox: Sandbox, user: User, response: Response) -> Response:
    """Open a session for a person; the cookie is a plain one, as Moodle's is by default."""
    now = sandbox.state.now()
    name = secrets.token_hex(13)
    with sandbox.state.lock:
        sandbox.state.sessions[name] = Session(user.id, secrets.token_hex(5))
        user.firstaccess = user.firstaccess or now
        user.lastaccess = now
    response.set_cookie(COOKIE, name, httponly=True, samesite="Lax", path="/")
    return response


def to_login(request: Request) -> Response:
    """Send somebody who isn't logged in to the login page, and back afterwards."""
    query = request.query_string.decode()
    wanted = request.path + (f"?{query}" if query else "")
    return redirect(f"/login?wantsurl={quote(wanted, safe='')}", 303)
