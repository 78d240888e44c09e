"""The service's own address."""

from fastapi import Request

from app.settings import Settings


def address_of(request: Request, path: str) -> str:
    """The absolute address of one of our paths: under the public address, else under the host of the request."""
    settings: Settings = request.app.state.settings
    return (settings.public_url or str(request.base_url).rstrip("/")) + path
