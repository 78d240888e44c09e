"""`taggad tags`: what a technician does with tags at a desk."""

import sys

import typer
from pydantic_core import to_json

from app.actions.explain_tag import explain_line

tags = typer.Typer(no_args_is_help=True)


@tags.command()
def explain() -> None:
    """Say what messages of NTAG 424 DNA tags hold: a JSON object a line in, one out."""
    # A line that is no text is a bad line like any other, and none may end the rest.
    for line in sys.stdin.buffer:
        if line.strip():
            typer.echo(to_json(explain_line(line.decode(errors="replace"))).decode())
