"""Passkeys: what is asked of a browser, and whether its answer is good. The ceremonies are the library's.

Always with the person verified (a PIN, a finger, a face), for a stolen key on a stolen laptop must not be enough. Keys
are discoverable: the answer says which account it is, so that signing in asks for no name and tells a stranger none.

The library is loaded at the first ceremony: it takes a sixth of a second, and a node that starts has none to spare.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detente.node.accounts import Account, AccountBook, Passkey
from detente.node.web.problem import Refused

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor


@dataclass(frozen=True)
class Passkeys:
    """The node's own accounts, opened by passkeys bound to *domain* and good for pages of *origins*."""

    book: AccountBook
    domain: str
    origins: Sequence[str]

    def to_register(self, account: Account, challenge: bytes) -> dict[str, Any]:
        """Return what a browser needs to make a passkey for *account*."""
        import webauthn  # noqa: PLC0415
        from webauthn.helpers.structs import (  # noqa: PLC0415
            AuthenticatorSelectionCriteria,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        options = webauthn.generate_registration_options(
            rp_id=self.domain,
            rp_name="Détente",
            user_name=account.account,
            user_display_name=account.name,
            user_id=account.account.encode(),
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=_descriptors(account),
        )
        return _plain(webauthn.options_to_json(options))

    def to_sign(self, account: Account | None, challenge: bytes) -> dict[str, Any]:
        """Return what a browser needs to sign with a passkey: any of this node's, or one of *account*'s."""
        import webauthn  # noqa: PLC0415
        from webauthn.helpers.structs import UserVerificationRequirement  # noqa: PLC0415

        options = webauthn.generate_authentication_options(
            rp_id=self.domain,
            challenge=challenge,
            allow_credentials=None if account is None else _descriptors(account),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _plain(webauthn.options_to_json(options))

    def registered(self, credential: Mapping[str, Any], challenge: bytes, now_ms: int) -> Passkey:
        """Return the passkey that *credential* makes; raises Refused ``passkey``."""
        import webauthn  # noqa: PLC0415
        from webauthn.helpers import bytes_to_base64url  # noqa: PLC0415

        try:
            made = webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self.domain,
                expected_origin=list(self.origins),
                require_user_verification=True,
            )
        except _wrong() as wrong:
            raise Refused("passkey", f"the passkey was not made rightly: {_line(wrong)}") from None
        key = bytes_to_base64url(made.credential_public_key)
        return Passkey(bytes_to_base64url(made.credential_id), key, made.sign_count, now_ms)

    def signed(self, credential: Mapping[str, Any], challenge: bytes) -> tuple[Account, Passkey, int]:
        """Return whose passkey signed *challenge*, with which, and its count; raises Refused ``passkey``."""
        import webauthn  # noqa: PLC0415
        from webauthn.helpers import base64url_to_bytes  # noqa: PLC0415

        found = self.book.with_passkey(str(credential.get("id", "")))
        if found is None:
            raise Refused("passkey", "this passkey is of no open account here")
        account, passkey = found
        try:
            done = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self.domain,
                expected_origin=list(self.origins),
                credential_public_key=base64url_to_bytes(passkey.public_key),
                credential_current_sign_count=passkey.count,
                require_user_verification=True,
            )
        except _wrong() as wrong:
            raise Refused("passkey", f"the passkey's answer is not good: {_line(wrong)}") from None
        return account, passkey, done.new_sign_count


def _wrong() -> tuple[type[Exception], ...]:
    """Return what the library raises for an answer that is none: its own, and Python's for what it did not look at."""
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    return (WebAuthnException, ValueError, KeyError, TypeError, AttributeError)


def challenge_in(credential: Mapping[str, Any]) -> bytes:
    """Return the challenge that *credential* answers, as it says; raises Refused ``passkey``."""
    from webauthn.helpers import base64url_to_bytes  # noqa: PLC0415

    try:
        said = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        return base64url_to_bytes(said["challenge"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refused("passkey", "the answer names no challenge") from None


def _descriptors(account: Account) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers import base64url_to_bytes  # noqa: PLC0415
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor  # noqa: PLC0415

    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.id)) for one in account.passkeys]


def _plain(options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(options)
    return found


def _line(wrong: Exception) -> str:
    return " ".join(str(wrong).split())[:200]
