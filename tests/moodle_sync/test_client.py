"""The one door: what each way of failing becomes, what is sent again and what never is, and where the token is not."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from moodle_sync.client import MoodleClient
from moodle_sync.errors import (
    BadParameter,
    CapabilityMissing,
    MoodleError,
    MoodleWarning,
    NoSuchThing,
    NotJson,
    TokenRefused,
    Unreachable,
    WriteOutcomeUnknown,
    error_of,
)
from moodle_sync.functions import FACTS, Function, rows_per_call
from moodle_sync.sandbox import Sandbox, running_sandbox

from .conftest import SEED
from .nights import template_of

Connect = Callable[..., MoodleClient]

FAULTS = {
    "timeout_before": Unreachable,
    "timeout_after": Unreachable,
    "drop_before": Unreachable,
    "drop_after": Unreachable,
    "http500": Unreachable,
    "html": NotJson,
    "truncated": NotJson,
}


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[tuple[str, list[bytes]]]:
    """Run a web server that answers everything the same way; yield its address and the bodies that it was sent."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.replace(b"ECHO", received[-1]) if b"ECHO" in body else body)

        def do_GET(self) -> None:
            received.append(b"GET")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def read(client: MoodleClient) -> Any:
    return client.call(Function.COURSES_BY_FIELD, field="shortname", value="TEMPLATE")


def rename(client: MoodleClient, course_id: int) -> Any:
    return client.call(Function.UPDATE_COURSES, courses=[{"id": course_id, "fullname": "Другое имя"}])


@pytest.mark.parametrize(("fault", "kind"), FAULTS.items())
def test_a_read_that_keeps_failing_ends_in_its_own_error(
    moodle: Sandbox, connect: Connect, fault: str, kind: type[MoodleError]
) -> None:
    moodle.faults.set(fault)
    with pytest.raises(kind):
        read(connect(retries=1))
    assert len(moodle.calls) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_that_fails_once_is_tried_again(moodle: Sandbox, client: MoodleClient, fault: str) -> None:
    moodle.faults.set(f"{fault}#1")
    assert read(client)["courses"][0]["shortname"] == "TEMPLATE"
    assert len(moodle.calls) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_without_an_answer_is_sent_once_and_its_outcome_is_unknown(
    moodle: Sandbox, client: MoodleClient, fault: str
) -> None:
    moodle.faults.set(fault)
    with pytest.raises(WriteOutcomeUnknown):
        rename(client, template_of(moodle)[0])
    assert list(moodle.calls) == ["core_course_update_courses"]


def test_between_retries_it_waits_longer_each_time_by_a_random_share(moodle: Sandbox, connect: Connect) -> None:
    waits: list[float] = []
    moodle.faults.set("http500")
    with pytest.raises(Unreachable):
        read(connect(sleep=waits.append, backoff=1.0, jitter=iter([0.5, 0.25, 1.0]).__next__))
    assert waits == [0.5, 0.5, 4.0]


def test_a_write_to_a_port_where_nobody_listens_is_repeated_since_it_was_not_sent(connect: Connect) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = connect(url=f"http://127.0.0.1:{unused.getsockname()[1]}", retries=2)
        with pytest.raises(Unreachable) as caught:
            rename(client, 2)
    assert not isinstance(caught.value, WriteOutcomeUnknown)
    assert caught.value.sent is False
    assert client.calls == 3


def test_a_host_that_does_not_exist_is_unreachable(connect: Connect) -> None:
    with pytest.raises(Unreachable):
        read(connect(url="http://moodle.invalid", retries=0))


def test_a_site_in_maintenance_is_waited_for_even_with_a_write(connect: Connect) -> None:
    body = b'{"exception": "moodle_exception", "errorcode": "sitemaintenance", "message": "closed"}'
    with answering(200, body) as (url, received):
        with pytest.raises(Unreachable) as caught:
            rename(connect(url=url, retries=1), 2)
        assert caught.value.errorcode == "sitemaintenance"
        assert len(received) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_its_target_is_named_without_its_query(connect: Connect, status: int) -> None:
    with answering(200, b"{}") as (target, received), answering(status, b"", Location=f"{target}/x?a=b") as (url, _):
        with pytest.raises(NotJson, match=f"redirect to {target}/x$|redirect to {target}/x "):
            read(connect(url=url))
        assert received == []


@pytest.mark.parametrize("status", [301, 400, 403, 404])
def test_json_with_another_status_than_200_is_no_answer(connect: Connect, status: int) -> None:
    with answering(status, b'{"courses": []}') as (url, received):
        with pytest.raises(NotJson):
            read(connect(url=url))
        assert len(received) == 1


def test_an_answer_past_the_size_limit_is_refused_and_not_asked_for_again(connect: Connect) -> None:
    with answering(200, b'"' + b"x" * 300_000 + b'"') as (url, received):
        with pytest.raises(NotJson, match="too large"):
            read(connect(url=url, largest_answer=200_000))
        assert len(received) == 1


def test_a_page_in_place_of_json_is_quoted_briefly_and_without_its_markup(connect: Connect) -> None:
    page = "<html><script>var a;</script><h1>Технические работы</h1>" + "x" * 5000
    with answering(200, page.encode()) as (url, _), pytest.raises(NotJson) as caught:
        read(connect(url=url, retries=0))
    assert "Технические работы" in str(caught.value)
    assert "script" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("body", [b'{"exception": "x", "errorcode": 5}', b"[1, 2]", b"null", b'"text"', b"{}"])
def test_functions_of_a_site_that_answers_nonsense_are_a_typed_error(connect: Connect, body: bytes) -> None:
    with answering(200, body) as (url, _), pytest.raises(MoodleError):
        connect(url=url).functions()


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that led to it, shown or not."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def said_of(error: BaseException) -> str:
    """Return what a log or an error page would show of an exception, and the requests that it carries."""
    requests = [getattr(one, "request", None) for one in chain(error)]
    bodies = [str(getattr(request, "body", None)) for request in requests]
    return "\n".join([*(f"{one} {one!r} {vars(one)}" for one in chain(error)), *bodies])


def local_variables_of(error: BaseException) -> str:
    """Return what a debugger's summary would show of the library's frames."""
    own = [
        f"{frame.f_locals}"
        for one in chain(error)
        for frame, _line in traceback.walk_tb(one.__traceback__)
        if frame.f_globals["__name__"].startswith("moodle_sync.")
    ]
    assert own
    return "\n".join(own)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("act", [read, lambda client: rename(client, 2)], ids=["read", "write"])
def test_the_token_is_in_no_error_and_no_log(
    moodle: Sandbox,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    act: Callable[[MoodleClient], Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    moodle.faults.set(fault)
    client = connect(retries=1)
    with pytest.raises(MoodleError) as caught:
        act(client)
    assert moodle.token not in said_of(caught.value)
    assert moodle.token not in local_variables_of(caught.value)
    assert moodle.token not in caplog.text
    assert moodle.token not in repr(client) + str(client)


def test_the_token_is_struck_out_of_a_page_that_shows_what_was_sent(connect: Connect) -> None:
    with answering(200, b"<pre>ECHO") as (url, received), pytest.raises(NotJson) as caught:
        read(connect(url=url, token="0123456789abcdef" * 2, retries=0))
    assert b"0123456789abcdef" * 2 in received[0]
    assert "0123456789abcdef" not in said_of(caught.value)


def test_the_token_is_sent_in_the_body_and_nowhere_else(connect: Connect) -> None:
    with answering(200, b"{}") as (url, received):
        client = connect(url=url)
        read(client)
    assert received[0].startswith(b"wstoken=")
    assert client.url == url


def test_a_wrong_token_is_named_so_with_its_remedy(moodle: Sandbox, connect: Connect) -> None:
    with pytest.raises(TokenRefused) as caught:
        read(connect(token="wrong"))
    assert caught.value.errorcode == "invalidtoken"
    assert "new token" in caught.value.remedy
    assert len(moodle.calls) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("accessexception", CapabilityMissing),
        ("nopermissions", CapabilityMissing),
        ("wsusercannotassign", CapabilityMissing),
        ("invalidparameter", BadParameter),
        ("shortnametaken", BadParameter),
        ("invaliduser", NoSuchThing),
        ("invalidrecord", NoSuchThing),
        ("invalidtoken", TokenRefused),
        ("invalidtimedtoken", TokenRefused),
        ("somethingnew", MoodleError),
    ],
)
def test_each_of_moodles_codes_becomes_its_kind(code: str, kind: type[MoodleError]) -> None:
    error = error_of({"exception": "moodle_exception", "errorcode": code, "message": "useless"}, "f")
    assert type(error) is kind
    assert error.errorcode == code
    assert error.remedy


def test_a_warning_in_the_answer_to_a_write_is_an_error(client: MoodleClient) -> None:
    with pytest.raises(MoodleWarning) as caught:
        rename(client, 99_999)
    assert caught.value.errorcode == "invalidrecord"


def test_fields_past_phps_limit_are_refused_before_they_are_sent(moodle: Sandbox, connect: Connect) -> None:
    rows = [{"roleid": 5, "userid": 100, "courseid": 2, "timestart": 0, "timeend": 0, "suspend": 0}] * 200
    with pytest.raises(ValueError, match="form fields"):
        connect().call(Function.ENROL_USERS, enrolments=rows)
    assert not moodle.calls


@pytest.mark.parametrize("limit", [20, 100, 1000, 5000])
@pytest.mark.parametrize("function", [function for function in Function if FACTS[function].fields_per_row])
def test_as_many_rows_as_fit_into_a_call_are_within_phps_limit(function: Function, limit: int) -> None:
    assert rows_per_call(function, limit) * FACTS[function].fields_per_row + 4 <= limit


def test_many_reads_are_packed_and_answers_come_in_order(moodle: Sandbox, client: MoodleClient) -> None:
    asked = [{"field": "id", "value": str(number % 3)} for number in range(120)]
    answers = client.read_many(Function.COURSES_BY_FIELD, asked)
    assert [[course["id"] for course in answer["courses"]] for answer in answers] == [
        [number % 3] if number % 3 else [] for number in range(120)
    ]
    assert list(moodle.calls).count("tool_mobile_call_external_functions") == 3
    assert len(moodle.calls) == 4


def test_a_failure_in_a_pack_stands_in_its_place_and_the_rest_is_read_all_the_same(client: MoodleClient) -> None:
    asked = [{"courseid": 2, "userid": user} for user in (100, 9999, 101, 8888, 102)]
    answers = client.read_many(Function.ACTIVITIES_COMPLETION, asked)
    assert [isinstance(answer, MoodleError) for answer in answers] == [False, True, False, True, False]
    assert answers[1].errorcode == "invaliduser"


def test_without_the_packing_function_reads_go_one_by_one() -> None:
    seed = SEED | {"site": {"withheld_functions": ["tool_mobile_call_external_functions"]}}
    with running_sandbox(seed) as moodle, MoodleClient(moodle.local_url, moodle.token) as client:
        asked = [{"courseid": 2, "userid": user} for user in (100, 9999, 101)]
        answers = client.read_many(Function.ACTIVITIES_COMPLETION, asked)
        assert [isinstance(answer, MoodleError) for answer in answers] == [False, True, False]
        assert list(moodle.calls).count("core_completion_get_activities_completion_status") == 3


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'{"responses": []}', b'{"responses": [{"data": "{"}]}'])
def test_a_pack_that_can_not_be_read_is_an_error_for_each_of_its_calls(connect: Connect, body: bytes) -> None:
    with answering(200, body) as (url, _):
        client = connect(url=url)
        client._known = frozenset({Function.CALL_MANY})
        answers = client.read_many(Function.COURSES_BY_FIELD, [{"field": "id", "value": "2"}] * 3)
    assert [type(answer) for answer in answers] == [NotJson] * 3


def test_work_that_fails_is_raised_only_once_nothing_is_running_any_more(client: MoodleClient) -> None:
    running: set[int] = set()
    began = threading.Barrier(2)

    def work(number: int) -> None:
        if number > 1:
            return
        running.add(number)
        began.wait(5)
        if number == 0:
            running.discard(number)
            raise KeyError(number)
        threading.Event().wait(0.05)
        running.discard(number)

    with pytest.raises(KeyError):
        client.map(work, range(50))
    assert not running


def test_no_function_in_use_unenrols_or_deletes_courses_people_or_groups() -> None:
    harmful = [function for function in Function if "delete" in function or "unenrol" in function]
    # Events and memberships of the tool's own making only, which moodle_sync.events and plan_groups see to.
    assert harmful == [Function.DELETE_GROUP_MEMBERS, Function.DELETE_EVENTS]
