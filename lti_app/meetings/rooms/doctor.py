"""Whether a BigBlueButton server is fit for meetings: each check with its remedy. Nothing is changed there."""

from __future__ import annotations

from urllib.parse import urlsplit

from lti_app.lti.doctor.checks import Check, amiss, note, ok
from lti_app.meetings.bigbluebutton import BigBlueButtonError, SecretRefused, Server


def examine_server(server: Server, public_url: str) -> list[Check]:
    """Look at a server: address and secret by one call, and whether it can call the tool back."""
    return [*_answers(server), _encrypted(server.url), _called_back(public_url)]


def _answers(server: Server) -> list[Check]:
    try:
        rooms = server.count_rooms()
    except SecretRefused as error:
        return [ok("address", f"{server.url} answers"), amiss("secret", str(error), error.remedy)]
    except BigBlueButtonError as error:
        return [amiss("address", f"{server.url}: {error}", error.remedy)]
    return [
        ok("address", f"{server.url} answers"),
        ok("secret", f"the server accepts it; rooms open there now: {rooms}"),
    ]


def _encrypted(url: str) -> Check:
    if urlsplit(url).scheme == "https":
        return ok("encryption", "the server is asked by https")
    return note(
        "encryption",
        "the server is asked by http: names of participants go over the line unprotected",
        "give the server a certificate and store its https address with: rooms add",
    )


def _called_back(public_url: str) -> Check:
    host = urlsplit(public_url).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        return amiss(
            "callbacks",
            f"PUBLIC_URL is {public_url}: the server can't tell the tool who was in a room",
            "set PUBLIC_URL to the address by which other machines reach the tool",
        )
    return note(
        "callbacks",
        f"the server will tell who was in a room at {public_url}/rooms/…; whether it gets through shows the first "
        "meeting",
        "let the server reach the tool over the network; defaultKeepEvents need not be set",
    )
