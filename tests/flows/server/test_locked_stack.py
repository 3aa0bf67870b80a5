"""A stack that others reach lets nobody in, takes no program from a run and tells no secret."""

import contextlib
import json
import socket
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest
from stack import COMMAND, check_deployments, find_free_port, listen, start_stack

from gan_aug.flows.server.stack import POOL

MARKER = "marker-7f3a9c"
AUTH = f"me:{MARKER}-auth"
ORIGIN = "http://attacker.example"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder that runs work in, Prefect's home, and a port where notifications are taken."""
    folders = [tmp_path_factory.mktemp(name) for name in ("folder", "home")]
    return *folders, find_free_port()


@pytest.fixture(scope="module")
def posted(places):
    """What was posted to the webhook, which refuses the first, so that the server complains."""
    with listen(places[2], refused=1) as posts:
        yield posts


@pytest.fixture(scope="module")
def stack(places, posted, postgres):
    """A stack on all interfaces, its data in PostgreSQL, with a secret of every kind."""
    folder, home, hook = places
    secrets = {
        "GAN_AUG_AUTH": AUTH,
        "GAN_AUG_DATABASE": postgres.locate(f"{MARKER}-database"),
        "GAN_AUG_NOTIFY": f"http://127.0.0.1:{hook}/{MARKER}-notify",
        "AWS_SECRET_ACCESS_KEY": f"{MARKER}-aws",
    }
    flags = ("--host", "0.0.0.0")
    with start_stack(folder, *flags, home=home, port=find_free_port(), secrets=secrets) as stack:
        yield stack


def ask(stack, method, path, *, auth=AUTH, **options):
    credentials = httpx.BasicAuth(*auth.split(":", 1)) if auth else None
    return httpx.request(method, f"{stack.url}/api/{path}", auth=credentials, **options)


def read_deployment(stack):
    return ask(stack, "GET", "deployments/name/augment/smoke").json()


def test_the_printed_address_is_reached_by_another_name_than_that_of_this_machine(stack):
    host = httpx.URL(stack.url).host
    assert host not in {"0.0.0.0", "127.0.0.1", "localhost", socket.gethostname()}
    assert ask(stack, "GET", "admin/version").status_code == 200
    settings = httpx.get(f"{stack.url}/ui-settings").json()
    assert settings["api_url"] == "/api", "the UI asks the server that it comes from"
    assert settings["auth"] == "BASIC"


def test_who_may_use_it_and_what_that_means_is_said(stack):
    reach, *told = [stack.process.stdout.readline() for _ in range(3)]
    assert reach.endswith(
        f"export PREFECT_API_URL=http://127.0.0.1:{httpx.URL(stack.url).port}/api\n"
    )
    assert "Whoever signs in can run programs on this machine" in told[0]
    assert "reverse proxy" in told[0]
    assert f"PREFECT_API_URL={stack.url}/api" in told[1]
    assert MARKER not in "".join(told)


@pytest.mark.parametrize("auth", [None, "me:wrong", "gan-aug:"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "admin/version", None),
        ("POST", "deployments/filter", {}),
        ("POST", "block_documents/filter", {"include_secrets": True}),
        ("POST", f"deployments/{'0' * 8}-0000-0000-0000-{'0' * 12}/create_flow_run", {}),
        ("PATCH", f"work_pools/{POOL}", {"description": "mine"}),
        ("DELETE", f"work_pools/{POOL}", None),
    ],
)
def test_without_the_password_nothing_is_answered(stack, auth, method, path, body):
    assert ask(stack, method, path, auth=auth, json=body).status_code == 401


def test_pages_from_elsewhere_may_not_ask(stack):
    wanted = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    answer = ask(stack, "OPTIONS", "deployments/filter", auth=None, headers=wanted)
    assert answer.status_code in {400, 401}
    assert "access-control-allow-origin" not in answer.headers
    answer = ask(stack, "POST", "deployments/filter", json={}, headers={"Origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers
    own = wanted | {"Origin": stack.url}
    answer = ask(stack, "OPTIONS", "deployments/filter", auth=None, headers=own)
    assert answer.headers["access-control-allow-origin"] == stack.url


def test_a_run_brings_no_command_environment_or_folder(stack, tmp_path):
    variables = {
        "command": f"touch {tmp_path}/harmed",
        "env": {"PYTHONPATH": str(tmp_path), "GAN_AUG_LARGEST_DATA": "no number"},
        "working_dir": str(tmp_path),
        "image": "attacker/image",
    }
    (tmp_path / "gan_aug.py").write_text(f"open('{tmp_path}/harmed', 'w')")
    made = ask(
        stack,
        "POST",
        f"deployments/{read_deployment(stack)['id']}/create_flow_run",
        json={"job_variables": variables, "parameters": {"config": {"dataset": "gone"}}},
    )
    if made.status_code >= 400:
        assert "command" in made.text
    else:
        state = stack.wait_for_end(made.json()["id"])
        assert state.is_failed()
        assert "gone: expected" in state.message, "it was the flow that ran"
    assert [path.name for path in tmp_path.iterdir()] == ["gan_aug.py"]


def test_its_data_are_in_the_database_that_it_was_given(stack, places):
    check_deployments(stack)
    assert not (places[1] / "prefect.db").exists()


def test_a_whole_run_tells_no_secret(stack, places, posted, postgres):
    """A run that does not pass its gates, so that all there is to tell is told."""
    folder, home, _ = places
    parameters = read_deployment(stack)["parameters"]
    gated = parameters["config"] | {"gates": {"enabled": True}}
    runs = folder / "artifacts" / "runs" / "told"
    assert stack.wait_for_end(
        stack.start_run("augment/smoke", config=parameters["config"], name="told")
    ).is_completed()
    baseline = json.loads((runs / "baseline.json").read_text())
    baseline["accuracies"] = dict.fromkeys(baseline["accuracies"], 1.0)
    again = runs.with_name("again")
    again.mkdir()
    (again / "baseline.json").write_text(json.dumps(baseline))
    assert stack.wait_for_end(
        stack.start_run("augment/smoke", config=gated, name="again")
    ).is_failed()
    stack.wait_until(lambda: any("gates" in post["title"] for post in posted))

    with stack.connect() as client:
        [block] = client.read_block_documents_by_type("custom-webhook")
    assert "GAN_AUG_NOTIFY" in block.data["url"], "which names the variable"
    folders = (folder, home, postgres.folder)
    written = dict(pair for folder in folders for pair in read_files(folder))
    assert any(b"GAN_AUG_NOTIFY" in content for content in written.values()), (
        "the database is there"
    )
    assert [path for path, content in written.items() if MARKER.encode() in content] == []
    assert not [words for words in list_commands() if MARKER in words]
    answers = {path: ask(stack, *path).text for path in list_questions(stack)}
    assert [path for path, text in answers.items() if MARKER in text] == []


def read_files(folder):
    """Yield each file of a folder that is in use, with its content, unless it goes meanwhile."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def list_commands():
    """Return the command lines of all processes."""
    return [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]


def list_questions(stack):
    """Return what could be asked to find a secret, by somebody who may ask."""
    found = ask(stack, "POST", "block_documents/filter", json={"include_secrets": True}).json()
    assert found, "there is a block for notifications"
    return [
        ("GET", "admin/settings"),
        *(("GET", f"block_documents/{one['id']}?include_secrets=true") for one in found),
        ("GET", f"work_pools/{POOL}"),
        ("POST", "automations/filter"),
        ("POST", "deployments/filter"),
        ("POST", "artifacts/filter"),
        ("POST", "logs/filter"),
        ("POST", "flow_runs/filter"),
    ]


def test_a_server_that_runs_keeps_its_secrets_and_asks_for_them(stack, tmp_path):
    """Another `gan-aug up` at its address is told what is wrong, in a line."""
    port = str(httpx.URL(stack.url).port)
    for environment, message in (
        ({"GAN_AUG_AUTH": "me:wrong"}, "to take these credentials, found that it does not"),
        ({"GAN_AUG_AUTH": AUTH, "GAN_AUG_NOTIFY": "http://h/"}, "notifications must be known"),
    ):
        done = subprocess.run(
            [COMMAND, "up", "--host", "0.0.0.0", "--port", port, "--log", tmp_path / "log"],
            cwd=Path(stack.folder),
            env={"PATH": "", "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
        assert MARKER not in done.stdout + done.stderr
