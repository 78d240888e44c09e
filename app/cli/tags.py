"""`taggad tags`: a technician's work with tags at a desk."""

import sys
from typing import Annotated, Any

import typer
from pydantic_core import from_json, to_json

from app.actions.taps.explain_tag import explain_line
from app.actions.taps.provision_tags import provision as provision_tag
from app.api.http.problems import Problem
from app.api.http.refs import new_ref
from app.cli.terminal import fail, failures_reported, on_database, settings_with_secrets
from app.store.database import Database, UnknownMunicipalityError
from app.store.register.master import RefusedError

tags = typer.Typer(no_args_is_help=True)


@tags.command()
def explain() -> None:
    """Show the content of messages of NTAG 424 DNA tags: one JSON object a line in, one out."""
    # A line that is no UTF-8 is a bad line like any other, and a bad line must not end the others.
    for line in sys.stdin.buffer:
        if line.strip():
            typer.echo(to_json(explain_line(line.decode(errors="replace"))).decode())


@tags.command()
def provision(
    municipality: Annotated[int, typer.Option(min=1, help="SCB code.")],
    keyset: Annotated[str, typer.Option(help="Ref of the keyset, which must be active.")],
    host: Annotated[str | None, typer.Option(help="The host in the tags' addresses; else TAGGAD_PUBLIC_URL's.")] = None,
    key_version: Annotated[int, typer.Option("--version", min=1, max=255, help="The version of the keys.")] = 1,
) -> None:
    """Print a reader's steps for blank chips: one JSON object a line in, its steps out. They hold the chips' keys."""

    async def line_by_line(database: Database) -> None:
        for line in sys.stdin.buffer:
            for step in await _steps_of(database, municipality, line, keyset, key_version, known_as):
                typer.echo(to_json(step).decode())

    with failures_reported():
        settings = settings_with_secrets()
        known_as = host or (settings.public_url or "").partition("://")[2]
        if not known_as:
            raise typer.BadParameter("needed where TAGGAD_PUBLIC_URL is not set", param_hint="--host")
        try:
            on_database(line_by_line, settings)
        except UnknownMunicipalityError:
            fail(f"there is no municipality {municipality}")


async def _steps_of(
    database: Database, municipality_id: int, line: bytes, keyset: str, key_version: int, host: str
) -> list[dict[str, object]]:
    chip: Any = None
    try:
        chip = from_json(line)
        new_ref(chip["ref"])
        async with database.write(municipality_id) as writing:
            return await provision_tag(writing, chip, keyset=keyset, key_version=key_version, host=host)
    except RefusedError as error:
        return [{"ref": chip["ref"], "error": error.code}]
    except (ValueError, TypeError, KeyError, Problem):
        return [{"ref": None, "error": "malformed"}]
