"""The site's own signing key, and checking what tools sign."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from moodle_sync.sandbox.state import Site, Tool

KEY_SET_TIMEOUT = 10  # seconds


class BadSignature(ValueError):
    """A token that the tool's keys don't vouch for, or that is past its time; the text is what Moodle says."""


class KeySetUnreadable(BadSignature):
    """A key set that can't be fetched, or that the site's HTTP security forbids to fetch."""


class PlatformKey:
    """One RSA key, made when first needed, since that takes a moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def _private(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def _key(self) -> rsa.RSAPrivateKey:
        with self._lock:
            return self._private

    def kid(self) -> str:
        """Name the key."""
        modulus = str(self._key().public_key().public_numbers().n).encode()
        return hashlib.sha256(modulus).hexdigest()[:20]

    def public_set(self) -> dict[str, Any]:
        """Give the key set for `certs.php` (recording certs)."""
        numbers = self._key().public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "alg": "RS256",
                    "kid": self.kid(),
                    "e": _base64url(numbers.e),
                    "n": _base64url(numbers.n),
                    "use": "sig",
                }
            ]
        }

    def sign(self, payload: dict[str, Any]) -> str:
        """Sign claims with RS256."""
        return jwt.encode(payload, self._key(), algorithm="RS256", headers={"kid": self.kid()})


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class ToolKeys:
    """The key sets of tools, kept until a token names a key that isn't in them."""

    def __init__(self) -> None:
        self._sets: dict[str, dict[str, Any]] = {}

    def forget(self) -> None:
        """Forget all key sets, as when Moodle's caches are purged."""
        self._sets.clear()

    def verify(self, tool: Tool, token: str, now: int, site: Site) -> dict[str, Any]:
        """Check a tool's signature and the token's times; raises `BadSignature`.

        The audience is left to the caller: Moodle's token endpoint takes any (recording token_bad_aud).
        """
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._find(tool, kid, site)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except KeySetUnreadable:
            raise
        except jwt.InvalidSignatureError:
            raise BadSignature("Signature verification failed") from None
        except (jwt.PyJWTError, ValueError, KeyError) as error:
            raise BadSignature(f"Unable to verify the token: {error}") from None
        if int(claims.get("exp", 0)) <= now:
            raise BadSignature("Expired token")
        return claims

    def _find(self, tool: Tool, kid: str | None, site: Site) -> jwt.PyJWK:
        for refresh in (False, True):
            for key in self._load(tool, refresh, site).get("keys", []):
                if kid is None or key.get("kid") == kid:
                    return jwt.PyJWK(key, algorithm="RS256")
        raise BadSignature('"kid" invalid, unable to lookup correct key')

    def _load(self, tool: Tool, refresh: bool, site: Site) -> dict[str, Any]:
        if tool.jwks is not None:
            return tool.jwks
        if refresh or tool.jwks_uri not in self._sets:
            if _is_blocked(site, tool.jwks_uri):
                raise KeySetUnreadable("The URL is blocked.")
            try:
                answer = requests.get(tool.jwks_uri, timeout=KEY_SET_TIMEOUT)
                answer.raise_for_status()
                self._sets[tool.jwks_uri] = json.loads(answer.text)
            except (requests.RequestException, ValueError) as error:
                raise KeySetUnreadable(str(error)) from None
        return self._sets[tool.jwks_uri]


def _is_blocked(site: Site, url: str) -> bool:
    parts = urlsplit(url)
    port = parts.port or {"https": 443}.get(parts.scheme, 80)
    return parts.hostname in site.blocked_hosts or bool(site.allowed_ports and port not in site.allowed_ports)
