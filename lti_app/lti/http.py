"""HTTP to a Moodle's LTI endpoints: bounded in time and in size, never led elsewhere by a redirect."""

from __future__ import annotations

import time
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
WHOLE_SECONDS = 15.0
LARGEST_ANSWER = 4 * 1024 * 1024
USER_AGENT = "Ploshchadka-LTI"

_CHUNK = 16 * 1024


class AnswerTooLarge(requests.RequestException):
    """Say that an answer was cut off because it is larger than any honest one."""


class BoundedSession(requests.Session):
    """Give every request timeouts, a size limit and no redirects; keep no cookies.

    The library calls ``get`` and ``post`` without timeouts, so they are set where all of them pass. Times are in
    seconds, sizes in bytes. Raises requests.RequestException and its kinds.
    """

    def __init__(
        self,
        *,
        largest_answer: int = LARGEST_ANSWER,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        super().__init__()
        self.headers["User-Agent"] = USER_AGENT
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._largest_answer = largest_answer
        self._timeouts = (connect_seconds, read_seconds)
        self._whole_seconds = whole_seconds

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send within the bounds and read the answer at once."""
        kwargs.update(timeout=self._timeouts, stream=True, allow_redirects=False)
        deadline = time.monotonic() + self._whole_seconds
        response = super().send(request, **kwargs)
        body = bytearray()
        with response:
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > self._largest_answer:
                    raise AnswerTooLarge(f"more than {self._largest_answer} bytes", request=request)
                if time.monotonic() > deadline:
                    raise requests.ReadTimeout(f"not read within {self._whole_seconds:.0f} s", request=request)
        response._content = bytes(body)
        return response


def is_below(url: object, base: str) -> bool:
    """Tell whether ``url`` is an http(s) address at or below ``base``: same scheme, host, port and leading path."""
    if not isinstance(url, str):
        return False
    if "%2e" in url.lower() or "%5c" in url.lower():
        return False  # dots and backslashes in disguise lead out of the path
    try:
        origin, root = _place(base)
        here = urlsplit(url)
        same_origin = origin == (here.scheme, _in_ascii(here.hostname or ""), here.port)
    except ValueError:
        return False
    if here.scheme not in ("http", "https") or here.username is not None or ".." in here.path or "\\" in url:
        return False
    return same_origin and (here.path == root or here.path.startswith(f"{root}/"))


@lru_cache(maxsize=64)
def _place(base: str) -> tuple[tuple[str, str, int | None], str]:
    """Return scheme, host, port, and the leading path; of our own and the Moodles' addresses, asked at each launch."""
    parts = urlsplit(base)
    return (parts.scheme, _in_ascii(parts.hostname or ""), parts.port), parts.path.rstrip("/")


def _in_ascii(netloc: str) -> str:
    """Return host and port as they stand in headers (RFC 3490). Raises UnicodeError for what is no name of a host."""
    if netloc.isascii():
        return netloc
    host, colon, port = netloc.partition(":")
    return host.encode("idna").decode("ascii") + colon + port


def origin_of(url: str) -> str:
    """Return scheme://host[:port], as Content-Security-Policy and postMessage name an origin: мудл.рф in punycode."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_in_ascii(parts.netloc)}"
