"""The one door to a Moodle's web services: transport, timeouts, retries, typed errors, packing of reads."""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from moodle_sync.errors import (
    MoodleError,
    MoodleWarning,
    NotJson,
    Unreachable,
    WriteOutcomeUnknown,
    error_of,
)
from moodle_sync.functions import FACTS, PHP_DEFAULT_FIELDS, Function, rows_per_call
from moodle_sync.pace import Pace

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes; a roster of 10,000 people with ids and names takes under 1 MB."""
TOO_MANY_REQUESTS = 429
SERVER_ERRORS = 500


class _Answer(NamedTuple):
    """What came back: the body is None where it was larger than allowed."""

    status: int
    location: str
    raw: bytes | None


def flatten(params: dict[str, Any]) -> dict[str, str | int | float]:
    """Turn nested parameters into PHP form fields: ``{"a": [{"b": 1}]}`` becomes ``{"a[0][b]": 1}``."""
    fields: dict[str, str | int | float] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{name}[{key}]", inner)
        elif isinstance(value, list | tuple):
            for index, inner in enumerate(value):
                add(f"{name}[{index}]", inner)
        elif isinstance(value, bool):
            fields[name] = int(value)
        elif value is not None:
            fields[name] = value

    for key, value in params.items():
        add(key, value)
    return fields


class MoodleClient:
    """Call a Moodle's web services.

    Reads are retried with exponential backoff and full jitter. A write is repeated only where it certainly was not
    sent; where its answer got lost, WriteOutcomeUnknown is raised and the caller reads back. The token travels in the
    body of a POST and appears in no address, log or error.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeouts: tuple[float, float] = (5.0, 120.0),
        concurrency: int = 4,
        retries: int = 3,
        backoff: float = 0.5,
        max_input_vars: int = PHP_DEFAULT_FIELDS,
        largest_answer: int = LARGEST_ANSWER,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._endpoint = f"{self.url}/webservice/rest/server.php"
        self._timeouts = timeouts
        self.pace = Pace(concurrency)
        self._retries, self._backoff = retries, backoff
        self.max_input_vars = max_input_vars
        self._largest_answer = largest_answer
        self._sleep, self._jitter, self._monotonic = sleep, jitter, monotonic
        # requests does not promise that a Session may be shared by threads, so each thread has its own.
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._known: frozenset[str] | None = None
        self._own_user_id = 0
        self.calls = 0

    def __repr__(self) -> str:
        return f"MoodleClient({self.url!r})"

    def __enter__(self) -> MoodleClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers["User-Agent"] = "ploshchadka"
            session.trust_env = False
            adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    @property
    def seconds(self) -> float:
        """Return how long the server took over this thread's last call, not counting the wait for its turn."""
        return float(getattr(self._local, "seconds", 0.0))

    def call(self, function: Function, **params: Any) -> Any:
        """Call one function and return its decoded answer. Raises a MoodleError."""
        writes = FACTS[function].writes
        for attempt in range(self._retries + 1):
            try:
                return self._call_once(function, params)
            except (Unreachable, NotJson) as error:
                if writes and error.sent:
                    raise WriteOutcomeUnknown(error.message, function=function, errorcode=error.errorcode) from error
                if attempt == self._retries or not error.again:
                    raise
                self._sleep(self._jitter() * self._backoff * 2**attempt)
        raise AssertionError("unreachable")

    def _call_once(self, function: Function, params: dict[str, Any]) -> Any:
        with self.pace.slot():
            began = self._monotonic()
            answer = self._exchange(function, params)
            self._local.seconds = self._monotonic() - began
        if isinstance(answer, Unreachable):
            self.pace.failed()
            raise answer
        try:
            body = self._decode(function, answer)
        except Unreachable:
            self.pace.failed()
            raise
        self.pace.went_well()
        return body

    def _exchange(self, function: Function, params: dict[str, Any]) -> _Answer | Unreachable:
        """Send the call and read the answer.

        A failure is returned and raised by the caller: what `requests` raises carries the request, and with it the
        token, and so would everything that was raised in its place here.
        """
        form = {"wstoken": self._token, "wsfunction": str(function), "moodlewsrestformat": "json", **flatten(params)}
        if len(form) > self.max_input_vars:
            raise ValueError(f"{function}: {len(form)} form fields, but PHP takes {self.max_input_vars}") from None
        with self._lock:
            self.calls += 1
        try:
            with self._session().post(
                self._endpoint, data=form, timeout=self._timeouts, stream=True, allow_redirects=False
            ) as response:
                location = response.headers.get("Location", "")
                return _Answer(response.status_code, location, _read_bounded(response, self._largest_answer))
        except requests.exceptions.RequestException as error:
            return _unreachable(error, function)

    def _decode(self, function: Function, answer: _Answer) -> Any:
        status = answer.status
        if status == TOO_MANY_REQUESTS or status >= SERVER_ERRORS:
            raise Unreachable(f"HTTP status {status}", function=function, errorcode=f"http{status}")
        if answer.raw is None:
            raise _not_json("the answer is too large", function, again=False)
        try:
            body = json.loads(answer.raw)
        except (ValueError, RecursionError):
            body = NOTHING
        if isinstance(body, dict) and "exception" in body:
            raise error_of(body, function)
        if status != requests.codes.ok or body is NOTHING:
            # A redirect or a 4xx page stays what it is; half an answer or a maintenance page may pass.
            raise _not_json(self._describe(answer), function, again=status == requests.codes.ok)
        if FACTS[function].writes and isinstance(body, dict) and body.get("warnings"):
            warning = body["warnings"][0]
            raise MoodleWarning(
                str(warning.get("message", ""))[:300], function=function, errorcode=str(warning.get("warningcode", ""))
            )
        return body

    def _describe(self, answer: _Answer) -> str:
        """Say in a line what came in place of JSON; a page might show what was sent, so the token is struck out."""
        if answer.location:
            target = urlsplit(answer.location)
            return f"HTTP status {answer.status}, a redirect to {target.scheme}://{target.netloc}{target.path}"
        excerpt = _excerpt(answer.raw or b"").replace(self._token, "…") if self._token else _excerpt(answer.raw or b"")
        return f"HTTP status {answer.status}, {excerpt}"

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Run ``work`` on every item, ``concurrency`` at once; return results in order. The first error is raised.

        Comes back only once none of the work is running any more, also after an error: what was not begun is dropped.
        Work that calls ``map`` itself runs that in its own thread: waiting for others of the pool, all of them might
        wait for each other.
        """
        if getattr(self._local, "is_worker", False):
            return [work(item) for item in items]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                max_workers=self.pace.most, thread_name_prefix="moodle", initializer=self._begin_worker
            )
        futures = [self._pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
            wait(futures)

    def _begin_worker(self) -> None:
        self._local.is_worker = True

    def functions(self) -> frozenset[str]:
        """Return the names of the functions that the token's service has; asked once."""
        if self._known is None:
            info = self.call(Function.SITE_INFO)
            try:
                self._known = frozenset(str(entry["name"]) for entry in info["functions"])
                self._own_user_id = int(info["userid"])
            except (KeyError, TypeError, ValueError) as error:
                raise NotJson("the functions are missing in the answer", function=Function.SITE_INFO) from error
        return self._known

    def own_user_id(self) -> int:
        """Return the Moodle user whose token this is; asked together with the functions. Raises a MoodleError."""
        self.functions()
        return self._own_user_id

    def read_many(self, function: Function, requests_: Sequence[dict[str, Any]]) -> list[Any | MoodleError]:
        """Call a read once per parameter set, packed where the service allows it; errors come in place of answers."""
        if not requests_:
            return []
        if Function.CALL_MANY in self.functions():
            size = rows_per_call(Function.CALL_MANY, self.max_input_vars)
            packs = [requests_[start : start + size] for start in range(0, len(requests_), size)]
            return [answer for pack in self.map(lambda pack: self._pack(function, pack), packs) for answer in pack]

        def single(params: dict[str, Any]) -> Any | MoodleError:
            try:
                return self.call(function, **params)
            except MoodleError as error:
                return error

        return self.map(single, requests_)

    def _pack(self, function: Function, pack: Sequence[dict[str, Any]]) -> list[Any | MoodleError]:
        answers: list[Any | MoodleError] = []
        # Moodle ends a pack at its first failure and leaves the rest out (recording multi_mixed): go on behind it.
        while len(answers) < len(pack):
            rest = pack[len(answers) :]
            calls = [{"function": str(function), "arguments": json.dumps(params)} for params in rest]
            try:
                answers += _unpack(self.call(Function.CALL_MANY, requests=calls), function, len(rest))
            except MoodleError as error:
                return answers + [error] * len(rest)
        return answers


NOTHING = object()
"""Stands for an answer that was no JSON; null is one."""


def _unpack(body: Any, function: Function, asked: int) -> list[Any | MoodleError]:
    """Return the answers in a pack, at least one and at most as many as were asked. Raises NotJson."""
    try:
        responses = body["responses"][:asked]
        answers = [
            error_of(json.loads(response.get("exception") or "{}"), function)
            if response.get("error")
            else json.loads(response["data"])
            for response in responses
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotJson("a pack of answers that can't be read", function=function) from error
    if not answers:
        raise NotJson("an empty pack of answers", function=function)
    return answers


def _unreachable(error: requests.exceptions.RequestException, function: Function) -> Unreachable:
    """Return our error for one of `requests`; ``sent`` is False only where no connection came to be."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.exceptions.SSLError):
        return Unreachable("no trusted TLS connection", function=function, errorcode="tls")
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(reason, NewConnectionError):
        refused = Unreachable("no connection", function=function)
        refused.sent = False
        return refused
    if isinstance(error, requests.exceptions.Timeout):
        return Unreachable("no answer in time", function=function)
    return Unreachable(f"the connection broke ({type(error).__name__})", function=function)


def _not_json(message: str, function: Function, *, again: bool) -> NotJson:
    error = NotJson(message, function=function)
    error.again = again
    return error


def _read_bounded(response: requests.Response, largest: int) -> bytes | None:
    """Read a body of at most ``largest`` bytes (unpacked); None where it is larger."""
    chunks, size = [], 0
    for chunk in response.iter_content(64 * 1024):
        size += len(chunk)
        if size > largest:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _excerpt(raw: bytes) -> str:
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", raw[:20_000].decode("utf-8", "replace"), flags=re.S)
    text = " ".join(text.split())[:120]
    return f"“{text}”" if text else "an empty page"
