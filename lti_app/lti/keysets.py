"""Key sets of Moodles: cached with bounds, refetched for an unknown key, still of use while Moodle is away."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from lti_app.lti.refusals import MOODLE_SILENT, NOT_PROVEN, LaunchRefused

log = logging.getLogger(__name__)

DEFAULT_LIFE = 3600.0
SHORTEST_LIFE = 300.0
LONGEST_LIFE = 86400.0
USABLE_WHILE_UNREACHABLE = 86400.0
PAUSE_AFTER_FAILURE = 15.0
PAUSE_BETWEEN_FORCED = 30.0
MOST_KEYS = 50
SMALLEST_KEY_BITS = 2048


@dataclass
class _KeySet:
    """Hold what is known of one address. Times are seconds of a monotonic clock."""

    keys: dict[str, RSAPublicKey] = field(default_factory=dict)
    fetched_at: float = float("-inf")
    fresh_until: float = float("-inf")
    not_before: float = float("-inf")
    forced_not_before: float = float("-inf")
    fetching: threading.Lock = field(default_factory=threading.Lock)


class KeySets:
    """Find a Moodle's public key by its ``kid``. One per process; safe to share between threads.

    Only addresses of stored registrations are ever given to it. A key set lives as long as its Cache-Control says,
    from 5 minutes to a day, one hour by default. An unknown ``kid`` forces one fetch, at most every 30 s, so that
    made-up ones can't be used to press Moodle. While Moodle can't be reached, known keys go on verifying for a day.
    """

    def __init__(self, http: requests.Session, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._monotonic = monotonic
        self._sets: dict[str, _KeySet] = {}
        self._lock = threading.Lock()

    def find(self, url: str, kid: str) -> RSAPublicKey:
        """Return the key. Raises LaunchRefused where there is none, or Moodle had to be asked and was silent."""
        with self._lock:
            known = self._sets.setdefault(url, _KeySet())
        key = known.keys.get(kid)
        if key is not None and self._monotonic() < known.fresh_until:
            return key
        # With a key at hand nobody waits for another thread's fetch; without one there is no other way.
        if known.fetching.acquire(blocking=key is None):
            try:
                self._refresh(url, kid, known)
            finally:
                known.fetching.release()
        return self._among(known, kid)

    def _among(self, known: _KeySet, kid: str) -> RSAPublicKey:
        usable = self._monotonic() < max(known.fresh_until, known.fetched_at + USABLE_WHILE_UNREACHABLE)
        if usable and kid in known.keys:
            return known.keys[kid]
        if self._monotonic() >= known.fresh_until:
            raise LaunchRefused("lti_key_set_unreachable", MOODLE_SILENT)
        raise LaunchRefused("lti_key_unknown", NOT_PROVEN)

    def _refresh(self, url: str, kid: str, known: _KeySet) -> None:
        now = self._monotonic()
        fresh = now < known.fresh_until
        if now < known.not_before or (fresh and (kid in known.keys or now < known.forced_not_before)):
            return
        known.forced_not_before = now + PAUSE_BETWEEN_FORCED
        try:
            response = self._http.get(url, headers={"Accept": "application/json"})
            if response.status_code != requests.codes.ok:
                raise ValueError(f"HTTP {response.status_code}")
            keys = _read_keys(response.json())
        except (requests.RequestException, ValueError, RecursionError) as error:
            log.warning("key set %s could not be read: %s", url, type(error).__name__)
            known.not_before = self._monotonic() + PAUSE_AFTER_FAILURE
            return
        known.keys = keys
        known.fetched_at = self._monotonic()
        known.fresh_until = known.fetched_at + _life(response.headers.get("Cache-Control", ""))


def _life(cache_control: str) -> float:
    directives = cache_control.lower()
    if "no-store" in directives or "no-cache" in directives:
        return SHORTEST_LIFE
    found = re.search(r"max-age=(\d{1,9})", directives)
    return min(max(float(found[1]), SHORTEST_LIFE), LONGEST_LIFE) if found else DEFAULT_LIFE


def _read_keys(document: object) -> dict[str, RSAPublicKey]:
    """Keep the RSA signing keys that have a name. Raises ValueError where this is no key set."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a key set")
    keys: dict[str, RSAPublicKey] = {}
    for entry in entries[:MOST_KEYS]:
        if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
            continue
        kid = entry.get("kid")
        if not isinstance(kid, str) or entry.get("alg", "RS256") != "RS256":
            continue
        try:
            key = PyJWK(entry, "RS256").key
        except PyJWTError:
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_KEY_BITS:
            keys[kid] = key
    return keys
