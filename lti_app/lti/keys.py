"""The tool's own signing keys: made on first need, published before they sign, kept published after.

A Moodle fetches the key set when it meets a signature, and may keep it; so a new key waits a day before it signs,
and an old one stays published for a while after its last signature. A key that may have leaked gets none of that: a
rotation at once takes every older key out of use and of the key set.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pylti1p3.registration import Registration
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_app.core.vault import Vault
from lti_app.lti.models import LtiKey

KEY_BITS = 2048
OVERLAP = timedelta(hours=24)
PUBLISHED_AFTERWARDS = timedelta(days=7)


class NoKey(Exception):
    """Say that the tool has no signing key yet: nothing is registered."""


def ensure_key(session: Session, vault: Vault, now: datetime) -> LtiKey:
    """Return the key that signs now, making the first one where there is none."""
    return _signing(session, now) or _add_key(session, vault, created_at=now, signs_from=now)


def signing_key(session: Session, vault: Vault, now: datetime) -> tuple[str, str]:
    """Return the ``kid`` and the private key (PEM) that sign at ``now``. Raises NoKey, VaultError."""
    key = _signing(session, now)
    if key is None:
        raise NoKey("the tool has no key yet; register it with a Moodle first")
    return key.kid, vault.open(key.private_encrypted)


def rotate_keys(session: Session, vault: Vault, now: datetime, *, at_once: bool = False) -> LtiKey:
    """Publish a new key. It signs a day later, and the others retire a week after that.

    ``at_once``, for keys that are no longer safe: it signs now, and all others, also one that was to sign later,
    retire now.
    """
    signs_from = now if at_once else now + OVERLAP
    retires_at = now if at_once else signs_from + PUBLISHED_AFTERWARDS
    for old in session.scalars(select(LtiKey).where(or_(LtiKey.retires_at.is_(None), LtiKey.retires_at > retires_at))):
        old.retires_at = retires_at
    return _add_key(session, vault, created_at=now, signs_from=signs_from)


def published_keys(session: Session, now: datetime) -> dict[str, Any]:
    """Return the key set (RFC 7517), newest key first."""
    keys = session.scalars(
        select(LtiKey)
        .where(or_(LtiKey.retires_at.is_(None), LtiKey.retires_at > now))
        .order_by(LtiKey.created_at.desc(), LtiKey.id.desc())
    )
    return {"keys": [key.public_jwk for key in keys]}


def _signing(session: Session, now: datetime) -> LtiKey | None:
    return session.scalar(
        select(LtiKey)
        .where(LtiKey.signs_from <= now, or_(LtiKey.retires_at.is_(None), LtiKey.retires_at > now))
        .order_by(LtiKey.signs_from.desc(), LtiKey.id.desc())
        .limit(1)
    )


def _add_key(session: Session, vault: Vault, *, created_at: datetime, signs_from: datetime) -> LtiKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    public_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The library names a key by its thumbprint (RFC 7638).
    jwk = dict(Registration.get_jwk(public_pem.decode()))
    key = LtiKey(
        kid=jwk["kid"],
        private_encrypted=vault.seal(private_pem.decode()),
        public_jwk=jwk,
        created_at=created_at,
        signs_from=signs_from,
    )
    session.add(key)
    session.flush()
    return key
