"""The REST server of the web services."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request, Response

from . import webservice
from .errors import MoodleError
from .forms import Nested, nest, parse_form
from .web import Sandbox, route, with_faults
from .webservice.wire import to_json, to_xml

RESERVED = ("wstoken", "wsfunction", "moodlewsrestformat", "moodlewssettingfilter", "moodlewssettinglang")


@route("/webservice/rest/server.php", "GET", "POST", locked=False)
def rest_server(sandbox: Sandbox, request: Request) -> Response:
    """Take a call as GET or form POST; the query and the body are limited to `max_input_vars` each, as in PHP."""
    fields = _fields(sandbox, request)
    name = str(fields.get("wsfunction", ""))
    sandbox.calls.append(name)
    return with_faults(sandbox, name, lambda: _answer(sandbox, name, fields))


def _fields(sandbox: Sandbox, request: Request) -> Nested:
    limit = sandbox.state.site.max_input_vars
    fields = parse_form(request.query_string.decode("latin-1"), limit)
    if request.method == "POST":
        if request.mimetype == "application/x-www-form-urlencoded":
            posted = parse_form(request.get_data(cache=False).decode("latin-1"), limit)
        else:
            posted = nest(list(request.form.items(multi=True)), limit)
        fields.update(posted)
    return fields


def _answer(sandbox: Sandbox, name: str, fields: Nested) -> Response:
    as_json = fields.get("moodlewsrestformat") == "json"
    rows = 0
    try:
        if fields.get("wstoken") != sandbox.token:
            raise MoodleError("invalidtoken", "Invalid token - token not found")
        arguments = {key: value for key, value in fields.items() if key not in RESERVED}
        body = webservice.call(sandbox.state, name, arguments)
        rows = max(_rows(body), *(_rows(one) for one in arguments.values()), 0)
    except MoodleError as error:
        body = error.body()
    faults = sandbox.faults
    faults.wait(faults.latency + rows * faults.row_cost)
    if as_json:
        return Response(to_json(body), content_type="application/json")
    return Response(to_xml(body), content_type="application/xml; charset=utf-8")


def _rows(value: Any) -> int:
    """Count the rows of a list, whichever way it was sent or is answered."""
    if isinstance(value, list):
        return len(value)
    if isinstance(value, dict):
        if value and all(key.isdecimal() for key in value):
            return len(value)
        return max((len(one) for one in value.values() if isinstance(one, list)), default=0)
    return 0
