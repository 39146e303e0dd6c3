"""How requests to BigBlueButton are signed, and what of its answers and reports is believed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lti_app.meetings import bigbluebutton
from lti_app.meetings.bigbluebutton import (
    BigBlueButtonError,
    CallRefused,
    NoAnswer,
    NotBigBlueButton,
    ReportRefused,
    SecretRefused,
    Server,
    base_address,
    checksum,
    read_answer,
    read_report,
    signed,
)
from lti_app.meetings.room_models import ChecksumKind
from tests.lti_app.meetings.bbb_server import SECRET, BigBlueButton, attendee, bearer
from tests.lti_app.meetings.bbb_server import bigbluebutton as served
from tests.lti_app.world import NOW

LATER = NOW.timestamp() + 60


def test_a_call_is_signed_as_the_documentation_shows() -> None:
    query = "name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444"
    secret = "639259d4-9dd8-4b25-bf01-95f9567eaf4b"
    assert checksum("create", query, secret, ChecksumKind.SHA1) == "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17"
    params = {"name": "Test Meeting", "meetingID": "abc123", "attendeePW": "111222", "moderatorPW": "333444"}
    assert signed("create", params, secret, ChecksumKind.SHA1) == f"{query}&checksum=" + (
        "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17"
    )
    assert len(checksum("create", query, secret, ChecksumKind.SHA256)) == 64
    assert signed("getMeetings", {}, secret, ChecksumKind.SHA512).startswith("checksum=")


@pytest.mark.parametrize(
    "given",
    [
        "https://b.example.org/bigbluebutton",
        "https://b.example.org/bigbluebutton/",
        " https://b.example.org/bigbluebutton/api/ ",
    ],
)
def test_the_address_is_stored_in_one_form(given: str) -> None:
    assert base_address(given) == "https://b.example.org/bigbluebutton"


BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><response><returncode>&c;</returncode></response>'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>502</html>", NotBigBlueButton),
        (b"no xml", NotBigBlueButton),
        (b"", NotBigBlueButton),
        (BOMB, NotBigBlueButton),
        (b"<response><returncode>MAYBE</returncode></response>", NotBigBlueButton),
        (b"<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey></response>", SecretRefused),
        (b"<response><returncode>FAILED</returncode><messageKey>notFound</messageKey></response>", CallRefused),
        (b"<response><returncode>FAILED</returncode></response>", CallRefused),
    ],
)
def test_an_answer_that_does_not_say_success_is_an_error(body: bytes, kind: type[BigBlueButtonError]) -> None:
    with pytest.raises(kind) as error:
        read_answer("create", body)
    assert error.value.remedy
    assert error.value.code


@pytest.fixture
def bbb() -> Iterator[BigBlueButton]:
    with served() as rooms:
        yield rooms


def test_a_room_is_made_once_found_and_ended(bbb: BigBlueButton) -> None:
    server = Server(bbb.url, SECRET)
    params = {"name": "Семинар & ко", "meetingID": "abc"}
    made = server.create(params)
    assert server.create(params) == made
    assert bbb.room["name"] == "Семинар & ко"
    assert server.is_there("abc")
    assert server.count_rooms() == 1
    server.end("abc")
    server.end("abc")  # nothing is left to end, which is what was wanted
    assert not server.is_there("abc")


@pytest.mark.parametrize("kind", ChecksumKind)
def test_every_digest_that_a_server_may_want_is_known(bbb: BigBlueButton, kind: ChecksumKind) -> None:
    bbb.known_digests = {kind.value}
    assert Server(bbb.url, SECRET, kind).count_rooms() == 0
    other = next(one for one in ChecksumKind if one is not kind)
    with pytest.raises(SecretRefused):
        Server(bbb.url, SECRET, other).count_rooms()


def test_a_false_secret_is_named_and_shown_nowhere(bbb: BigBlueButton) -> None:
    server = Server(bbb.url, "not-the-secret")
    with pytest.raises(SecretRefused) as error:
        server.create({"name": "x", "meetingID": "abc"})
    assert "not-the-secret" not in f"{error.value!r}{error.value}{server!r}"
    assert bbb.rooms == {}


def test_a_server_that_is_slow_broken_or_away_is_not_waited_for(
    bbb: BigBlueButton, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(bbb.url, SECRET)
    bbb.status = 503
    with pytest.raises(NotBigBlueButton, match="503"):
        server.count_rooms()
    bbb.status, bbb.answer = 200, "<html/>"
    with pytest.raises(NotBigBlueButton):
        server.count_rooms()
    monkeypatch.setattr(bigbluebutton, "READ_SECONDS", 0.1)
    bbb.silent_seconds = 0.5
    with pytest.raises(NoAnswer) as error:
        server.count_rooms()
    assert "checksum" not in str(error.value)
    with pytest.raises(NoAnswer):
        Server("http://127.0.0.1:9/bigbluebutton", SECRET).count_rooms()
    bbb.silent_seconds, bbb.answer = 0, "<response><returncode>SUCCESS</returncode></response>"
    with pytest.raises(NotBigBlueButton, match="createTime"):
        server.create({"meetingID": "abc"})


def _unsigned() -> str:
    parts = ({"alg": "none", "typ": "JWT"}, {"exp": int(LATER)})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic abc",
        "Bearer ",
        "Bearer nonsense",
        bearer(LATER, secret="x" * 64),
        bearer(NOW.timestamp() - 1),
        bearer(NOW.timestamp()),
        bearer(LATER, algorithm="HS256"),
        f"Bearer {_unsigned()}",
    ],
)
def test_a_report_without_its_proof_is_refused(header: str | None) -> None:
    body = {"meeting_id": "abc", "data": {"attendees": []}}
    with pytest.raises(ReportRefused):
        read_report(body, header, SECRET, NOW)


@pytest.mark.parametrize("body", [None, [], {}, {"data": None}, {"data": {}}, {"data": {"attendees": "all"}}])
def test_a_report_without_people_is_refused(body: object) -> None:
    with pytest.raises(ReportRefused):
        read_report(body, bearer(LATER), SECRET, NOW)


def test_a_report_tells_who_was_there_when() -> None:
    end = NOW + timedelta(minutes=50)
    told = attendee("anna", (NOW, NOW + timedelta(minutes=5)), (NOW + timedelta(minutes=9), None))
    body = {"meeting_id": "abc", "data": {"finish": end.isoformat(), "attendees": [told, 7, {}]}}
    report = read_report(body, bearer(LATER), SECRET, NOW)
    assert report.room_key == "abc"
    assert report.attended[0].spans == (
        (NOW, NOW + timedelta(minutes=5)),
        (NOW + timedelta(minutes=9), end),
    )
    assert report.attended[1].spans == ()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T15:00:00.000+07:00", NOW),
        ("2026-11-24 15:00:00 +0700", NOW),
        ("2026-11-24 08:00:00 UTC", NOW),
        ("2026-11-24T08:00:00Z", NOW),
        ("2026-11-24T08:00:00", None),
        ("yesterday", None),
        (7, None),
    ],
)
def test_times_are_read_as_ruby_writes_them(text: object, moment: datetime | None) -> None:
    leave = (NOW + timedelta(minutes=1)).astimezone(UTC).isoformat()
    told = {"ext_user_id": "anna", "joins": [text], "leaves": [leave]}
    report = read_report({"data": {"attendees": [told]}}, bearer(LATER), SECRET, NOW)
    assert [begin for begin, _end in report.attended[0].spans] == ([moment] if moment else [])
