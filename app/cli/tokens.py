"""`taggad token` and `taggad tokens`: tokens that an operator issues, lists and revokes at the command line."""

import datetime as dt
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

import typer

from app.actions.access.revoke import revoke as revoke_record
from app.actions.versions import Json, PutOutcome, keep
from app.api.http.access import OPERATOR, ROLES, Tokens
from app.cli.terminal import CLOCK, fail, failures_reported, on_database, out, settings_with_secrets
from app.domain.author import Author
from app.domain.time import written
from app.settings import Settings
from app.store.connection import Writing
from app.store.database import Database, UnknownMunicipalityError
from app.store.register import records
from app.store.register.records import Stored

Result = TypeVar("Result")

KIND: Final = "tokens"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DAY_SECONDS = 86400
LONGEST_TTL_SECONDS = 366 * DAY_SECONDS
MOST_LISTED = 100_000

tokens = typer.Typer(no_args_is_help=True)
Municipality = Annotated[int, typer.Option(min=1, help="SCB code.")]


def token(  # noqa: PLR0913 - the options of the command
    municipality: Municipality,
    role: Annotated[str, typer.Option(help=", ".join(ROLES))],
    provider: Annotated[str | None, typer.Option(help="Ref of the provider (planner).")] = None,
    staff: Annotated[str | None, typer.Option(help="Ref of the staff (staff).")] = None,
    device: Annotated[str | None, typer.Option(help="Ref of the device.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Hold it to this scope; may be repeated.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 90s, 15m, 1h.")] = "1h",
    *,
    long_lived: Annotated[bool, typer.Option("--long-lived", help="Let it be valid for more than a day.")] = False,
) -> None:
    """Print a bearer token, for operators and tests, and store as a fact that it was made."""
    seconds = _seconds_of(ttl, LONGEST_TTL_SECONDS if long_lived else DAY_SECONDS)
    refs = {"provider": provider, "staff": staff, "device": device}
    id_ = str(uuid.uuid4())
    body = {
        "role": role,
        **refs,
        "scopes": scope or [],
        "expires_at": written(CLOCK.now() + dt.timedelta(seconds=seconds)),
        "revoked_at": None,
        "reason": None,
    }
    with failures_reported():
        settings = settings_with_secrets()
        try:
            minted = Tokens(settings.token_key, CLOCK).mint(
                municipality,
                role,
                scopes=scope or (),
                ttl_seconds=seconds,
                token=id_,
                provider=provider,
                staff=staff,
                device=device,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    async def note(writing: Writing) -> None:
        await keep(writing, KIND, OPERATOR, [Stored(id_, 1, removed=False, body=body)])

    _written(municipality, note, settings)  # stored before the token is shown
    typer.echo(minted)


@tokens.command("list")
def list_(municipality: Municipality) -> None:
    """Print every valid token: its id, its role and refs, its scopes."""

    async def read(database: Database) -> list[Stored]:
        async with database.read(municipality) as reading:
            return await records.page(reading, KIND, "", MOST_LISTED)

    with failures_reported():
        found = on_database(read, settings_with_secrets())
    now = CLOCK.now()
    good = [
        one for one in found if not one.body["revoked_at"] and dt.datetime.fromisoformat(one.body["expires_at"]) > now
    ]
    for one in sorted(good, key=lambda one: str(one.body["expires_at"])):
        out.print(_line(one.ref, one.body), markup=False)


def _line(id_: str, body: Json) -> str:
    whose = [body[name] for name in ("role", "provider", "staff", "device") if body[name]]
    return "  ".join([id_, f"until {body['expires_at']}", " ".join(whose), " ".join(body["scopes"])]).rstrip()


@tokens.command()
def revoke(
    municipality: Municipality,
    token: Annotated[str, typer.Argument(help="Its id, as `taggad tokens list` prints it.")],
) -> None:
    """Revoke a token: it is refused within half a minute."""

    async def end(writing: Writing) -> PutOutcome:
        author = Author(OPERATOR)
        return await revoke_record(writing, KIND, token, writing.now, "taken back at the command line", author)

    with failures_reported():
        settings = settings_with_secrets()
    outcome = _written(municipality, end, settings)
    if outcome.status == "refused":
        fail(f"no token with the id {token} was made in municipality {municipality}")
    out.print(_line(token, outcome.body), markup=False)
    out.print("It opens nothing any more, within half a minute.", markup=False)


def _seconds_of(ttl: str, most: int) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", ttl)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= most:
        text = "a number with s, m, h or d, at most 24h; with --long-lived at most 366d"
        raise typer.BadParameter(text, param_hint="--ttl")
    return seconds


def _written(municipality_id: int, act: Callable[[Writing], Awaitable[Result]], settings: Settings) -> Result:
    async def work(database: Database) -> Result:
        async with database.write(municipality_id, with_master=False) as writing:
            return await act(writing)

    with failures_reported():
        try:
            return on_database(work, settings)
        except UnknownMunicipalityError:
            fail(f"there is no municipality {municipality_id}")
