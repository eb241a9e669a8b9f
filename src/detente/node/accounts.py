"""The accounts of a node, in ``accounts.json`` in its folder: who may sit where, and what opens each.

One account has one seat. Secrets are kept as hashes: codes and tokens are 256 random bits, so SHA-256 is enough.
`detente account` and the running node both write the file; each change reads it anew under a lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from detente.errors import ConfigError
from detente.types import Role

ACCOUNTS_FILE: Final = "accounts.json"
ENROL_MS: Final = 24 * 3_600_000
"""How long a one-time address for a first passkey is good."""
TOKEN_PREFIX: Final = "detente_"  # noqa: S105 - so that one is known when it lies about
ACCOUNTS_MAX: Final = 1_000
KEYS_MAX: Final = 16
"""Passkeys, and tokens, of one account."""

T = TypeVar("T")

Hash = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Passkey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str  # base64url, as the browser says it
    public_key: str  # base64url of its COSE form
    count: int  # of signatures, as the authenticator said last; 0: it does not count
    added_ms: int


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    digest: Hash
    added_ms: int
    until_ms: int


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    digest: Hash
    until_ms: int


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's way to one seat. The name is for this party's own desk; no other party is ever told it."""

    account: Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_-]{0,39}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    role: Role
    passkeys: tuple[Passkey, ...] = ()
    tokens: tuple[Token, ...] = ()
    enrolment: Enrolment | None = None
    ended: bool = False


class AccountsUnreadable(ConfigError):
    """The accounts cannot be read, and never could be since this program began."""


class AccountBook:
    """The file *path*; one that is not there holds nobody.

    While it cannot be read, `fault` says why and the accounts are those read last: who sits at a desk stays there.
    Raises AccountsUnreadable when it never could be read, and for any change meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._accounts: tuple[Account, ...] | None = None
        self.fault = ""

    def all(self) -> Sequence[Account]:
        """Return every account as the file has it now."""
        try:
            self._read()
            self.fault = ""
        except FileNotFoundError:
            self._stamp, self._accounts, self.fault = None, (), ""
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            self._stamp, self.fault = None, f"{self._path}: {wrong}"
        if self._accounts is None:
            raise AccountsUnreadable(self.fault)
        return self._accounts

    def _read(self) -> None:
        stamp = _stamp(self._path.stat())
        if stamp != self._stamp:
            self._accounts = msgspec.json.decode(self._path.read_bytes(), type=tuple[Account, ...])
            self._stamp = stamp

    def named(self, account: str) -> Account | None:
        """Return the account of that name while it is open."""
        return next((one for one in self.all() if one.account == account and not one.ended), None)

    def with_passkey(self, passkey: str) -> tuple[Account, Passkey] | None:
        """Return the open account that has the passkey of this id, with it."""
        for account in self.all():
            for one in account.passkeys:
                if one.id == passkey and not account.ended:
                    return account, one
        return None

    def with_token(self, token: str, now_ms: int) -> tuple[Account, Token] | None:
        """Return the open account that *token* is of, with it, while it is good."""
        hashed = _digest(token)
        for account in self.all():
            for one in account.tokens:
                if secrets.compare_digest(one.digest, hashed) and now_ms < one.until_ms and not account.ended:
                    return account, one
        return None

    def with_code(self, code: str, now_ms: int) -> Account | None:
        """Return the open account that the one-time *code* lets add a passkey to."""
        hashed = _digest(code)
        for account in self.all():
            good = account.enrolment
            if good is not None and secrets.compare_digest(good.digest, hashed) and now_ms < good.until_ms:
                return None if account.ended else account
        return None

    # --- changes

    def add(self, name: str, role: Role, now_ms: int) -> tuple[Account, str]:
        """Return a new account and the one-time code for its first passkey; raises ConfigError at the limit."""
        code = secrets.token_urlsafe(32)

        def change(accounts: list[Account]) -> Account:
            if len(accounts) >= ACCOUNTS_MAX:
                raise ConfigError(f"{self._path}: there are {ACCOUNTS_MAX} accounts already")
            numbers = range(1, ACCOUNTS_MAX + 1)
            taken = {one.account for one in accounts}
            free = next(one for n in numbers if (one := f"{role.value}-{n}") not in taken)
            try:
                made = msgspec.convert(
                    {
                        "account": free,
                        "name": name,
                        "role": role,
                        "enrolment": Enrolment(_digest(code), now_ms + ENROL_MS),
                    },
                    Account,
                )
            except msgspec.ValidationError as wrong:
                raise ConfigError(f"{name!r}: {wrong}") from None
            accounts.append(made)
            return made

        return self._change(change), code

    def enrol(self, account: str, now_ms: int) -> str:
        """Return a new one-time code for a further passkey of *account*; an older code is void."""
        code = secrets.token_urlsafe(32)
        self._replace(account, lambda one: replace(one, enrolment=Enrolment(_digest(code), now_ms + ENROL_MS)))
        return code

    def keep_passkey(self, account: str, passkey: Passkey) -> Account:
        """Give *account* a passkey, and let its one-time code be void."""

        def change(one: Account) -> Account:
            if len(one.passkeys) >= KEYS_MAX:
                raise ConfigError(f"{account} has {KEYS_MAX} passkeys already")
            return replace(one, passkeys=(*one.passkeys, passkey), enrolment=None)

        return self._replace(account, change)

    def used(self, account: str, passkey: str, count: int) -> None:
        """Keep how often a passkey has signed: a copy of it would say less."""

        def change(one: Account) -> Account:
            kept = tuple(replace(key, count=count) if key.id == passkey else key for key in one.passkeys)
            return replace(one, passkeys=kept)

        self._replace(account, change)

    def give_token(self, account: str, name: str, now_ms: int, until_ms: int) -> str:
        """Return a new token of *account*, told once; only its hash is kept. What has run out is swept away."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)

        def change(one: Account) -> Account:
            good = tuple(t for t in one.tokens if now_ms < t.until_ms and t.name != name)
            if len(good) >= KEYS_MAX:
                raise ConfigError(f"{account} has {KEYS_MAX} tokens already")
            return replace(one, tokens=(*good, Token(name, _digest(token), now_ms, until_ms)))

        self._replace(account, change)
        return token

    def end(self, account: str) -> Account:
        """End *account*: its sessions, tokens and passkeys are worth nothing from now on. It stays in the file."""
        return self._replace(account, lambda one: replace(one, ended=True, tokens=(), passkeys=(), enrolment=None))

    def _replace(self, account: str, change: Callable[[Account], Account]) -> Account:
        def among(accounts: list[Account]) -> Account:
            for i, one in enumerate(accounts):
                if one.account == account and not one.ended:
                    accounts[i] = change(one)
                    return accounts[i]
            raise ConfigError(f"{self._path}: there is no open account {account!r}")

        return self._change(among)

    def _change(self, change: Callable[[list[Account]], T]) -> T:
        with self._locked():
            accounts = list(self.all())
            if self.fault:
                raise AccountsUnreadable(self.fault)
            result = change(accounts)
            fresh = self._path.with_name(f".{self._path.name}.new")
            raw = msgspec.json.format(msgspec.json.encode(accounts), indent=1)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(handle, "wb") as out:  # noqa: PTH123 a file descriptor
                out.write(raw)
                out.flush()
                os.fsync(out.fileno())
                written = os.fstat(out.fileno())
            fresh.replace(self._path)
            self._accounts, self._stamp = tuple(accounts), _stamp(written)
            self._stamp = None
        return result

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _stamp(file: os.stat_result) -> tuple[int, int, int]:
    return file.st_mtime_ns, file.st_size, file.st_ino


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
