"""Prefect's server, which obeys no page of another site where it asks for no password."""

import ipaddress

from prefect.server.api.server import create_app
from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, PREFECT_SERVER_API_HOST
from starlette.datastructures import URL, Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

__all__ = ["OwnPages", "create_server"]

REFUSAL = (
    "expected a request to this machine's own name, from no page of another site; start the "
    "server with a password in GAN_AUG_AUTH to reach it by other names"
)


def create_server() -> ASGIApp:
    """Return the application, with the settings of the process.

    The guard stands before it and is no part of it: Prefect's services call the application by a
    name of their own, without a network.
    """
    app = create_app(final=True)
    if PREFECT_SERVER_API_AUTH_STRING.value():
        return app
    return OwnPages(app, PREFECT_SERVER_API_HOST.value())


class OwnPages:
    """Refuses requests and WebSockets that a page of another site may have sent.

    A browser names the page's site as ``Origin`` where it sends anything but a plain GET, and says
    of every request whether another site's page asks (``Sec-Fetch-Site``). A site whose name points
    at this machine (DNS rebinding) has that name as ``Host``. Ports may differ, since tunnels
    choose their own.

    Args:
        app: What answers all others.
        host: Name or address under which it listens.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self.host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        answer = self.app
        if scope["type"] != "lifespan" and not self.is_own(Headers(scope=scope)):
            is_page = scope["type"] == "http"
            answer = PlainTextResponse(REFUSAL, 403) if is_page else WebSocketClose()
        await answer(scope, receive, send)

    def is_own(self, headers: Headers) -> bool:
        """Whether the headers name this machine, and no other site's page."""
        host = headers.get("host", "")
        from_here = headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        # A link on another site may lead to the UI; a frame there would steal clicks.
        is_link = headers.get("sec-fetch-dest") == "document"
        return (
            self.is_here(host)
            and headers.get("origin") in {None, f"http://{host}"}
            and (from_here or is_link)
        )

    def is_here(self, host: str) -> bool:
        """Whether a name, with or without a port, is one of this machine for itself."""
        try:
            name = URL(f"http://{host}").hostname
            return name in {self.host, "localhost"} or ipaddress.ip_address(name or "").is_loopback
        except ValueError:
            return False
