"""Key sets of Moodles: kept, refetched within bounds, of use while Moodle is away, never trusted blindly."""

from __future__ import annotations

import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lti_app.lti.http import BoundedSession
from lti_app.lti.keysets import KeySets
from lti_app.lti.refusals import LaunchRefused
from tests.lti_app.lti.moodle import KeySetServer, SigningKey


class Seconds:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.value = 1000.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def url(key_sets: KeySetServer, signing_key: SigningKey) -> str:
    key_sets.keys = [signing_key.jwk()]
    return f"{key_sets.url}/mod/lti/certs.php"


@pytest.fixture
def found(seconds: Seconds) -> KeySets:
    return KeySets(BoundedSession(largest_answer=20_000, read_seconds=0.2), seconds)


def refusal(found: KeySets, url: str, kid: str) -> str:
    with pytest.raises(LaunchRefused) as caught:
        found.find(url, kid)
    return caught.value.code


def test_a_key_is_fetched_once_and_kept_for_an_hour(
    found: KeySets, url: str, key_sets: KeySetServer, seconds: Seconds, signing_key: SigningKey
) -> None:
    for _ in range(3):
        key = found.find(url, "first")
        assert isinstance(key, RSAPublicKey)
        assert key.public_numbers() == signing_key.private.public_key().public_numbers()
    assert key_sets.requests == 1
    seconds.value += 3599
    found.find(url, "first")
    assert key_sets.requests == 1
    seconds.value += 1
    found.find(url, "first")
    assert key_sets.requests == 2


@pytest.mark.parametrize(
    ("header", "life"),
    [
        ("max-age=1200", 1200),
        ("public, max-age=10", 300),
        ("max-age=9999999", 86400),
        ("no-store", 300),
        ("nonsense", 3600),
    ],
)
def test_the_life_follows_cache_control_within_bounds(
    found: KeySets, url: str, key_sets: KeySetServer, seconds: Seconds, header: str, life: int
) -> None:
    key_sets.headers = {"Cache-Control": header}
    found.find(url, "first")
    seconds.value += life - 1
    found.find(url, "first")
    assert key_sets.requests == 1
    seconds.value += 1
    found.find(url, "first")
    assert key_sets.requests == 2


def test_a_new_key_is_found_by_one_forced_fetch(
    found: KeySets, url: str, key_sets: KeySetServer, seconds: Seconds, other_key: SigningKey
) -> None:
    found.find(url, "first")
    key_sets.keys.append(other_key.jwk())
    seconds.value += 31
    found.find(url, "second")
    found.find(url, "first")
    assert key_sets.requests == 2


def test_made_up_key_names_do_not_press_the_moodle(
    found: KeySets, url: str, key_sets: KeySetServer, seconds: Seconds
) -> None:
    for number in range(50):
        assert refusal(found, url, f"made-up-{number}") == "lti_key_unknown"
        seconds.value += 1
    assert key_sets.requests == 2  # the first look, and one forced fetch after 30 s


def test_a_key_that_was_taken_back_no_longer_verifies_once_the_set_is_read_again(
    found: KeySets, url: str, key_sets: KeySetServer, seconds: Seconds, other_key: SigningKey
) -> None:
    found.find(url, "first")
    key_sets.keys = [other_key.jwk()]
    seconds.value += 3600
    assert refusal(found, url, "first") == "lti_key_unknown"


def test_known_keys_verify_while_moodle_is_away_for_a_day(
    found: KeySets, url: str, key_sets: KeySetServer, seconds: Seconds
) -> None:
    found.find(url, "first")
    key_sets.status = 503
    seconds.value += 23 * 3600
    found.find(url, "first")
    assert refusal(found, url, "other") == "lti_key_set_unreachable"
    seconds.value += 3600
    assert refusal(found, url, "first") == "lti_key_set_unreachable"
    key_sets.status = 200
    seconds.value += 15
    found.find(url, "first")


def test_a_moodle_that_is_away_is_asked_at_most_every_quarter_minute(
    found: KeySets, url: str, key_sets: KeySetServer, seconds: Seconds
) -> None:
    key_sets.status = 503
    for _ in range(5):
        assert refusal(found, url, "first") == "lti_key_set_unreachable"
    assert key_sets.requests == 1
    seconds.value += 15
    assert refusal(found, url, "first") == "lti_key_set_unreachable"
    assert key_sets.requests == 2


@pytest.mark.parametrize(
    "body",
    [
        b"<html>maintenance</html>",
        b"[]",
        b'{"keys": {}}',
        b"[" * 15_000,
        b'{"keys": [' + b" " * 30_000 + b"]}",
        b"\xff",
    ],
    ids=["html", "list", "no list of keys", "nested without end", "too large", "no text"],
)
def test_what_is_no_key_set_is_not_used(found: KeySets, url: str, key_sets: KeySetServer, body: bytes) -> None:
    key_sets.body = body
    assert refusal(found, url, "first") == "lti_key_set_unreachable"


def test_a_moodle_that_hangs_is_given_up(found: KeySets, url: str, key_sets: KeySetServer) -> None:
    key_sets.hold.clear()
    assert refusal(found, url, "first") == "lti_key_set_unreachable"


def test_a_redirect_is_not_followed(found: KeySets, url: str, key_sets: KeySetServer) -> None:
    key_sets.status = 302
    key_sets.headers = {"Location": f"{key_sets.url}/elsewhere"}
    assert refusal(found, url, "first") == "lti_key_set_unreachable"
    assert key_sets.requests == 1


def test_weak_and_strange_keys_are_left_out(found: KeySets, url: str, key_sets: KeySetServer) -> None:
    good = key_sets.keys[0]
    key_sets.keys = [
        SigningKey("weak", bits=1024).jwk(),
        {**good, "kid": "encrypts", "use": "enc"},
        {**good, "kid": "other algorithm", "alg": "RS512"},
        {**good, "kid": 5},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "RSA", "kid": "broken", "n": "?", "e": "AQAB"},
        "nonsense",  # type: ignore[list-item]
        good,
    ]
    for kid in ("weak", "encrypts", "other algorithm", "5", "secret", "broken"):
        assert refusal(found, url, kid) == "lti_key_unknown"
    found.find(url, "first")


def test_many_threads_fetch_once(found: KeySets, url: str, key_sets: KeySetServer) -> None:
    slow = KeySets(BoundedSession(read_seconds=5), time.monotonic)
    key_sets.hold.clear()
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(slow.find(url, "first"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    key_sets.hold.set()
    for thread in threads:
        thread.join(10)
    assert len(results) == 8
    assert key_sets.requests == 1
