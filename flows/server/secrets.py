"""What the stack must know and nobody else may read.

Secrets come from environment variables or files: command lines are in the process list.
"""

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx

from gan_aug.errors import UserError

__all__ = [
    "AUTH_VARIABLE",
    "NOTIFY_VARIABLE",
    "SECRET_VARIABLES",
    "Secrets",
    "list_known_words",
    "make_auth",
]

USER = "gan-aug"
TOKEN_BYTES = 24
AUTH_VARIABLE = "GAN_AUG_AUTH"
DATABASE_VARIABLE = "GAN_AUG_DATABASE"
NOTIFY_VARIABLE = "GAN_AUG_NOTIFY"
SECRET_VARIABLES = (AUTH_VARIABLE, DATABASE_VARIABLE, NOTIFY_VARIABLE)
# What a process that runs a flow may have in its environment.
SECRETS_OF_RUNS = (
    *SECRET_VARIABLES,
    "PREFECT_API_AUTH_STRING",
    "PREFECT_API_KEY",
    "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
PASSWORD = re.compile(r"://[^/@]*:(?P<of_url>[^/@]+)@|^[^:/]+:(?P<of_user>[^/].*)$")


@dataclass(frozen=True)
class Secrets:
    """What the stack must know and nobody else may read; nothing of it is printed by chance.

    Attributes:
        auth: What the server asks of everybody, ``user:password``; None where it asks nothing.
        database: Connection URL of the server's database; SQLite in Prefect's home if None.
        notify: Where automations post notifications; nowhere if None.
    """

    auth: str | None = field(default=None, repr=False)
    database: str | None = field(default=None, repr=False)
    notify: str | None = field(default=None, repr=False)

    @classmethod
    def read(
        cls, *, auth_file: Path | None, database_file: Path | None, notify_file: Path | None
    ) -> Self:
        """Read all secrets, each from its file or else from its environment variable.

        Raises:
            UserError: A file can't be read, or one of them has another form.
        """
        found = cls(
            read_secret(AUTH_VARIABLE, "auth-file", auth_file),
            read_secret(DATABASE_VARIABLE, "database-file", database_file),
            read_secret(NOTIFY_VARIABLE, "notify-file", notify_file),
        )
        auth = found.auth
        if auth is not None and not (auth.isascii() and all(auth.partition(":"))):
            raise UserError(
                f"{AUTH_VARIABLE}: expected user:password in ASCII, found something else (not "
                "shown)"
            )
        if found.notify is not None and not is_web_address(found.notify):
            raise UserError(
                f"{NOTIFY_VARIABLE}: expected an address that begins with http:// or https://, "
                "found something else (not shown)"
            )
        return found

    def list_words(self) -> list[str]:
        """Return all that must not be printed: the secrets, and the passwords in them."""
        passwords = [
            self.auth and self.auth.partition(":")[2],
            self.database and urlsplit(self.database).password,
        ]
        return [word for word in (self.auth, self.database, self.notify, *passwords) if word]


def list_known_words(*others: str | None) -> list[str]:
    """Return what must not stand in the log of a run: secrets of this process's environment.

    Args:
        others: Secrets that it has from elsewhere, where there are any.
    """
    known = [word for word in (*map(os.environ.get, SECRETS_OF_RUNS), *others) if word]
    passwords = [
        found["of_url"] or found["of_user"] for found in map(PASSWORD.search, known) if found
    ]
    return [*known, *passwords]


def make_auth() -> str:
    """Make up a user and a password."""
    return f"{USER}:{secrets.token_urlsafe(TOKEN_BYTES)}"


def read_secret(variable: str, flag: str, file: Path | None) -> str | None:
    """Return a secret; None where neither the file nor the environment variable is given.

    Raises:
        UserError: The file can't be read, or has not one line.
    """
    if file is None:
        return os.environ.get(variable) or None
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise UserError(f"{flag}: expected a readable file, found {file}: {error}") from error
    if len(lines) != 1:
        raise UserError(f"{flag}: expected one word in {file}, found {len(lines)} (not shown)")
    return lines[0]


def is_web_address(text: str) -> bool:
    """Whether notifications can be posted there."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)
