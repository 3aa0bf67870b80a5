"""What the stack must know and nobody else may read."""

import pytest

from gan_aug.errors import UserError
from gan_aug.flows.server.address import Address
from gan_aug.flows.server.secrets import Secrets, make_auth
from gan_aug.flows.server.stack import describe_client, describe_server_process

MARKER = "marker-7f3a"
FILES = ("auth_file", "database_file", "notify_file")


def read(**files):
    return Secrets.read(**dict.fromkeys(FILES) | files)


@pytest.fixture
def given(monkeypatch):
    """All three secrets in the environment, each with the marker in it."""
    monkeypatch.setenv("GAN_AUG_AUTH", f"me:{MARKER}")
    monkeypatch.setenv("GAN_AUG_DATABASE", f"postgresql+asyncpg://me:{MARKER}@host/name")
    monkeypatch.setenv("GAN_AUG_NOTIFY", f"https://hooks.example/{MARKER}")
    return read()


def test_secrets_are_in_the_environment_or_in_files_which_win(given, tmp_path):
    assert given.auth == f"me:{MARKER}"
    (tmp_path / "auth").write_text("you:other\n")
    assert read(auth_file=tmp_path / "auth").auth == "you:other"
    assert MARKER not in repr(given)


def test_without_any_there_are_none(monkeypatch):
    monkeypatch.setenv("GAN_AUG_NOTIFY", "")
    assert read() == Secrets()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "GAN_AUG_AUTH",
            MARKER,
            r"GAN_AUG_AUTH: expected user:password in ASCII, found",
        ),
        ("GAN_AUG_AUTH", f"{MARKER}:", r"GAN_AUG_AUTH: expected user:password"),
        ("GAN_AUG_AUTH", f"me:{MARKER}é", r"GAN_AUG_AUTH: expected user:password in ASCII"),
        ("GAN_AUG_NOTIFY", MARKER, r"GAN_AUG_NOTIFY: expected an address that begins with http"),
        ("GAN_AUG_NOTIFY", f"file:///{MARKER}", r"GAN_AUG_NOTIFY: expected an address that"),
    ],
)
def test_a_secret_of_another_form_is_refused_and_not_shown(monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=message) as error:
        read()
    assert MARKER not in str(error.value)


@pytest.mark.parametrize("flag", FILES)
def test_a_file_that_is_gone_or_has_several_words_is_refused_and_not_shown(tmp_path, flag):
    name = flag.replace("_", "-")
    with pytest.raises(UserError, match=rf"^{name}: expected a readable file, found .*gone"):
        read(**{flag: tmp_path / "gone"})
    (tmp_path / "two").write_text(f"one\n{MARKER}\n")
    with pytest.raises(UserError, match=rf"^{name}: expected one word in .*two, found 2") as error:
        read(**{flag: tmp_path / "two"})
    assert MARKER not in str(error.value)


def test_a_password_is_made_up_and_never_the_same():
    first, second = make_auth(), make_auth()
    assert first.startswith("gan-aug:")
    assert len(first) > 30
    assert first != second


def test_each_process_knows_what_it_must_and_no_more(given):
    address = Address("127.0.0.1", 4200)
    known = {name for name, value in describe_client(address, given).items() if MARKER in value}
    assert known == {"PREFECT_API_AUTH_STRING"}
    served = describe_server_process(address, given)
    assert {name for name, value in served.items() if MARKER in value} == {
        "PREFECT_API_AUTH_STRING",
        "PREFECT_SERVER_API_AUTH_STRING",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
        "GAN_AUG_NOTIFY",
    }


@pytest.mark.parametrize(
    ("host", "private", "local"),
    [
        ("127.0.0.1", True, "http://127.0.0.1:4200"),
        ("localhost", True, "http://localhost:4200"),
        ("::1", True, "http://[::1]:4200"),
        ("0.0.0.0", False, "http://127.0.0.1:4200"),
        ("::", False, "http://[::1]:4200"),
        ("no.such.host.example", False, "http://no.such.host.example:4200"),
    ],
)
def test_an_address_tells_whether_others_reach_it_and_how_this_machine_does(host, private, local):
    address = Address(host, 4200)
    assert address.is_private == private
    assert address.local == local
    assert address.api == f"{local}/api"
    assert {address.ui, address.local} <= set(address.origins)
    assert "*" not in address.origins


def test_of_all_interfaces_the_printed_address_is_one_that_can_be_opened():
    ui = Address("0.0.0.0", 4200).ui
    assert "0.0.0.0" not in ui
    assert "127." not in ui
