"""What a process prints is logged without secrets."""

import subprocess
import sys

from gan_aug.flows.server.scrubbing import hide_words
from gan_aug.flows.server.secrets import Secrets

PRINT = (
    "import sys; print('go to http://hook/path, me:word or word'); print('done', file=sys.stderr)"
)


def test_what_a_process_prints_is_logged_without_some_words(tmp_path):
    log = tmp_path / "log"
    with log.open("ab") as file, hide_words(file.fileno(), ["word", "http://hook/path"]) as output:
        subprocess.run([sys.executable, "-c", PRINT], stdout=output, stderr=output, check=True)
    assert sorted(log.read_text().splitlines()) == [
        "done",
        "go to (not shown), me:(not shown) or (not shown)",
    ]


def test_passwords_inside_secrets_are_not_shown_either():
    secrets = Secrets("me:auth", "postgresql+asyncpg://you:base@host/name", "https://h/hook")
    assert secrets.list_words() == [
        "me:auth",
        "postgresql+asyncpg://you:base@host/name",
        "https://h/hook",
        "auth",
        "base",
    ]
    assert Secrets().list_words() == []
