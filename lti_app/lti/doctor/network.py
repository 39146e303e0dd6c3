"""Checks of addresses, clocks and cookies: what stands between browsers, Moodle and the tool."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

import requests

from lti_app.lti.doctor.checks import HTTP_SECURITY, Check, add_command, amiss, note, ok
from lti_app.lti.http import BoundedSession
from lti_app.lti.models import Moodle
from lti_app.lti.state import LEEWAY

ADDRESS = "address"
WEB_PORTS = {"https": 443, "http": 80}
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
"""Moodle 4.5 marks its session cookie SameSite=None for Chrome 78 and later only (core\\session\\manager)."""


def public_address(public_url: str) -> Iterator[Check]:
    """Look whether browsers take the tool's cookies, and whether Moodle's default rules let it fetch our keys."""
    parts = urlsplit(public_url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "https" or local:
        yield ok("public address", public_url)
    else:
        yield amiss(
            "public address",
            f"{public_url} is not https: browsers send the tool no cookie inside Moodle's page",
            "put a TLS proxy in front (config/nginx.conf) and set PUBLIC_URL to its https address",
        )
    yield _key_address(parts)


def _key_address(parts: SplitResult) -> Check:
    """Tell whether Moodle's rules for its own requests let it fetch the tool's keys; as set up they block these.

    Moodle may have kept the keys from before, so that its access tokens alone do not show it.
    """
    host, port = parts.hostname or "", parts.port or WEB_PORTS.get(parts.scheme, 0)
    causes, remedies = [], []
    if port not in WEB_PORTS.values():
        causes.append(f"port {port} is not among the ports 80 and 443 that Moodle allows")
        remedies.append(f"add {port} to the allowed ports")
    address = inner_address(host)
    if address is not None:
        causes.append(f"{host} leads to {address}, an inner address such as Moodle blocks")
        remedies.append(f"take the range of {address} out of the blocked hosts")
    if not causes:
        return ok("HTTP security", f"nothing in Moodle's default rules blocks {host}, port {port}")
    return note(
        "HTTP security",
        f"unless its rules were changed, Moodle can't fetch the tool's keys: {'; '.join(causes)}",
        f"{' and '.join(remedies)}: {HTTP_SECURITY}",
    )


def inner_address(host: str) -> str | None:
    """Return an address of ``host``, as seen from here, that is no public one; None where there is none."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return None
    return next((one for one in found if not ipaddress.ip_address(one.partition("%")[0]).is_global), None)


def clock(moodle: Moodle, now: Callable[[], datetime]) -> Iterator[Check]:
    """Compare Moodle's clock with ours. The last check is of the address where Moodle did not answer."""
    try:
        response = BoundedSession().get(f"{moodle.url}/mod/lti/certs.php")
        theirs = parsedate_to_datetime(response.headers["Date"])
    except requests.RequestException as error:
        yield amiss(
            ADDRESS,
            f"{moodle.url} does not answer: {type(error).__name__}",
            f"check that Moodle runs and the network; if the address is another: {add_command(moodle, 'URL')}",
        )
        return
    except (KeyError, ValueError):
        yield note("clock", "Moodle's web server does not tell the time")
        return
    seconds = abs((now() - theirs.replace(tzinfo=theirs.tzinfo or UTC)).total_seconds())
    if seconds > LEEWAY.total_seconds():
        yield amiss(
            "clock",
            f"the clocks differ by {seconds:.0f} s; launches are refused past {LEEWAY.total_seconds():.0f} s, "
            "and enrolments begin early or late by as much",
            "set both servers' clocks by NTP",
        )
    else:
        yield ok("clock", f"the clocks differ by {seconds:.0f} s")


def session_cookie(moodle: Moodle, public_url: str) -> Check:
    """Look whether browsers send Moodle's session cookie when the tool, in a frame, sends them back to Moodle.

    Without it Moodle shows a page that sends the request once more from its own site (recording auth_not_logged_in),
    so a launch does work, unless the browser keeps cookies from frames altogether.
    """
    name = "session cookie"
    if same_site(moodle.url, public_url):
        return ok(name, "the tool and Moodle are of one site: browsers send Moodle's cookie")
    try:
        response = BoundedSession().get(f"{moodle.url}/login/index.php", headers={"User-Agent": CHROME})
    except requests.RequestException as error:
        return note(name, f"Moodle's login page does not answer: {type(error).__name__}")
    cookie = _cookie(response, "MoodleSession")
    if cookie is None:
        return note(name, "Moodle's login page sets no session cookie, so it can't be told how it is marked")
    if {"samesite=none", "secure"} <= cookie:
        return ok(name, "it is marked SameSite=None; Secure: browsers send it from frames")
    return note(
        name,
        "Moodle's is not marked SameSite=None; Secure and the tool is of another site: launches in a frame take a step "
        "more, and fail in browsers that block it; the tool then offers a window of its own",
        f"give Moodle an https address and turn on “Secure cookies only” (cookiesecure): {HTTP_SECURITY}; or let the "
        "tool open in a new window (its launch container)",
    )


def _cookie(response: requests.Response, prefix: str) -> set[str] | None:
    """Return the attributes of the first cookie whose name begins so, in lower case."""
    for header in response.raw.headers.getlist("Set-Cookie"):
        pair, *attributes = header.split(";")
        if pair.strip().startswith(prefix):
            return {attribute.strip().lower() for attribute in attributes}
    return None


def same_site(one: str, other: str) -> bool:
    """Tell whether browsers take two addresses for one site: same scheme, same host or the same last two labels.

    Where a registry gives out names of three labels that is too kind by half a check; only a note rests on it.
    """
    first, second = urlsplit(one), urlsplit(other)
    if first.scheme != second.scheme:
        return False
    return _site(first.hostname or "") == _site(second.hostname or "")


def _site(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ".".join(host.split(".")[-2:])
    return host
