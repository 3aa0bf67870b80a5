"""Which requests a server without a password takes: those of this machine, from its own pages."""

import pytest
from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, temporary_settings
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from gan_aug.flows.server.guard import OwnPages, create_server

OWN = [
    {"host": "127.0.0.1:4200"},
    {"host": "localhost:4200"},
    {"host": "[::1]:4200"},
    {"host": "127.0.0.1"},
    # Through a tunnel, which has a port of its own.
    {"host": "localhost:8080", "origin": "http://localhost:8080"},
    {"host": "127.0.0.1:4200", "origin": "http://127.0.0.1:4200"},
    {"host": "gan-aug.test:4200", "origin": "http://gan-aug.test:4200"},
    {"host": "127.0.0.1:4200", "sec-fetch-site": "none", "sec-fetch-dest": "document"},
    {"host": "127.0.0.1:4200", "sec-fetch-site": "same-origin", "sec-fetch-dest": "empty"},
    # A link, from a chat say.
    {"host": "127.0.0.1:4200", "sec-fetch-site": "cross-site", "sec-fetch-dest": "document"},
]
STRANGE = [
    {"host": ""},
    {"host": "attacker.example:4200"},
    {"host": "attacker.example:4200", "origin": "http://attacker.example:4200"},
    {"host": "127.0.0.1.attacker.example:4200"},
    {"host": "192.0.2.1:4200"},
    {"host": "[broken"},
    {"host": "127.0.0.1:4200", "origin": "http://attacker.example"},
    {"host": "127.0.0.1:4200", "origin": "http://127.0.0.1:5000"},
    {"host": "127.0.0.1:4200", "origin": "https://127.0.0.1:4200"},
    {"host": "127.0.0.1:4200", "origin": "null"},
    {"host": "127.0.0.1:4200", "sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"},
    {"host": "127.0.0.1:4200", "sec-fetch-site": "same-site", "sec-fetch-dest": "iframe"},
    {"host": "127.0.0.1:4200", "sec-fetch-site": "cross-site", "sec-fetch-dest": "script"},
]


@pytest.fixture
def client():
    """A client of a guarded page and a guarded WebSocket."""

    async def answer(_request):
        return PlainTextResponse("obeyed")

    async def greet(socket):
        await socket.accept()
        await socket.send_text("obeyed")
        await socket.close()

    app = Starlette(routes=[Route("/page", answer), WebSocketRoute("/socket", greet)])
    return TestClient(OwnPages(app, "gan-aug.test"))


@pytest.mark.parametrize("headers", OWN)
def test_programs_and_pages_of_this_machine_are_obeyed(client, headers):
    assert client.get("/page", headers=headers).text == "obeyed"
    with client.websocket_connect("/socket", headers=headers) as socket:
        assert socket.receive_text() == "obeyed"


@pytest.mark.parametrize("headers", STRANGE)
def test_pages_and_names_of_others_are_refused(client, headers):
    answer = client.get("/page", headers=headers)
    assert answer.status_code == 403
    assert "GAN_AUG_AUTH" in answer.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket", headers=headers):
        pass


@pytest.mark.parametrize(("auth", "guarded"), [(None, True), ("user:password", False)])
def test_a_server_with_a_password_is_reached_by_any_name(auth, guarded):
    """A reverse proxy passes the name that it has, and a page of another site has no password."""
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: auth}):
        assert isinstance(create_server(), OwnPages) == guarded


def test_the_servers_own_services_pass_by_the_guard():
    """They call the application by a name of their own, as automations do to crash a run."""
    inside = TestClient(create_server().app)
    assert inside.get("/api/health", headers={"host": "ephemeral-prefect"}).json() is True
