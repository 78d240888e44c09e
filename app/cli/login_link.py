"""`taggad login-link`: an address that logs a person in once."""

from typing import Annotated

import typer

from app.actions.access.log_in import offer_link_to
from app.actions.versions import PutOutcome
from app.api.http.access import OPERATOR, ROLES, digest_with
from app.api.http.sessions import LINK_PURPOSE, new_secret
from app.cli.terminal import fail, failures_reported, on_database, settings_with_secrets
from app.domain.access.member import BOUND_ROLES
from app.domain.closed_sets import Role
from app.store.database import Database, UnknownMunicipalityError

HERE = "http://localhost:8000"
"""By name: a passkey belongs to one, and a bare address is none."""


def login_link(
    municipality: Annotated[int, typer.Option(min=1, help="SCB code.")],
    role: Annotated[str, typer.Option(help=", ".join(ROLES))],
    provider: Annotated[str | None, typer.Option(help="Ref of the provider (planner, staff).")] = None,
    staff: Annotated[str | None, typer.Option(help="Ref of the staff (staff).")] = None,
    url: Annotated[str | None, typer.Option(help="Where people reach the service.")] = None,
) -> None:
    """Print an address that logs a person in once, within 15 minutes."""
    known: Role | None = next((one for one in ROLES if one == role), None)
    if known is None:
        raise typer.BadParameter(f"one of {', '.join(ROLES)}", param_hint="--role")
    if (known in BOUND_ROLES) != (provider is not None):
        raise typer.BadParameter("planners and staff have one, and nobody else", param_hint="--provider")
    if known == "staff" and staff is None:
        raise typer.BadParameter("staff have one", param_hint="--staff")
    with failures_reported():
        settings = settings_with_secrets()

    async def work(database: Database) -> tuple[PutOutcome, str]:
        return await link_to(database, municipality, known, settings.lookup_key, provider=provider, staff=staff)

    with failures_reported():
        try:
            outcome, path = on_database(work, settings)
        except UnknownMunicipalityError:
            fail(f"there is no municipality {municipality}")
    if outcome.status == "refused":
        fail(f"there is no such {' or '.join(flaw.pointer.strip('/') for flaw in outcome.flaws)}")
    typer.echo((url or settings.public_url or HERE).rstrip("/") + path)


async def link_to(
    database: Database,
    municipality: int,
    role: Role,
    lookup_key: bytes,
    *,
    provider: str | None = None,
    staff: str | None = None,
) -> tuple[PutOutcome, str]:
    """A login link for a role, and the path that opens it. The outcome may be a refusal."""
    secret = new_secret(municipality)
    digest = digest_with(lookup_key, LINK_PURPOSE, secret)
    async with database.write(municipality) as writing:
        outcome = await offer_link_to(writing, role, digest, provider=provider, staff=staff, by=OPERATOR)
    return outcome, f"/login/link/{secret}"
