"""Where the server listens, and under which names it is reached."""

import ipaddress
import socket
from dataclasses import dataclass

import psutil

__all__ = ["Address"]

LOOPBACKS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what users may ask for
"""Addresses that stand for all interfaces → how this machine reaches them."""


@dataclass(frozen=True)
class Address:
    """Where the server listens.

    Attributes:
        host: Name or address of an interface of this machine, or of all.
        port: TCP port.
    """

    host: str
    port: int

    @property
    def local(self) -> str:
        """Where programs on this machine reach it."""
        return self.compose(LOOPBACKS.get(self.host, self.host))

    @property
    def ui(self) -> str:
        """What to open in a browser, on another machine too where it listens to them."""
        return self.compose(find_own_address()) if self.host in LOOPBACKS else self.local

    @property
    def api(self) -> str:
        """What ``PREFECT_API_URL`` has to be on this machine."""
        return f"{self.local}/api"

    @property
    def origins(self) -> tuple[str, ...]:
        """The UI's own addresses: a page from elsewhere has no business with the API."""
        names = (self.ui, self.local, *([self.compose("localhost")] if self.is_private else []))
        return tuple(dict.fromkeys(names))

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            found = socket.getaddrinfo(self.host, self.port)
        except OSError:
            return False
        return all(ipaddress.ip_address(place[0]).is_loopback for *_, place in found)

    def compose(self, host: str) -> str:
        """``http://127.0.0.1:4200``."""
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def find_own_address() -> str:
    """Return an address of this machine that others reach; its name where it has none."""
    for addresses in psutil.net_if_addrs().values():
        for found in addresses:
            if found.family == socket.AF_INET and not found.address.startswith("127."):
                return str(found.address)
    return socket.gethostname()
