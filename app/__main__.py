"""`python -m app` and `taggad`."""

from app.cli.main import application


def run() -> None:
    """Run the command line."""
    application(prog_name="taggad")


if __name__ == "__main__":
    run()
