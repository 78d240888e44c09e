"""The command line as an operator uses it: verbs in this process, servers as processes of their own."""

import os

import pytest
from postgres import SERVER
from processes import Process
from typer.testing import CliRunner

from app.cli.main import application
from app.store.server import embedded


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A data directory whose database runs already, as beside a server."""
    path = tmp_path_factory.mktemp("data")
    with embedded.attach(path, settings=SERVER):
        yield path


@pytest.fixture
def taggad(data_dir):
    """Run a verb; gives what it printed. Raises when it exits otherwise than expected."""

    def run(*arguments, code=0, **environment):
        given = {name: None for name in os.environ if name.startswith("TAGGAD_")}
        given |= {"TAGGAD_DATA_DIR": str(data_dir)} | environment
        result = CliRunner().invoke(application, arguments, env=given)
        assert result.exit_code == code, result.output + repr(result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.output

    return run


@pytest.fixture
def start(tmp_path):
    """Start a verb as a process; whatever is left of it afterwards is killed."""
    processes = []

    def run(*arguments, **environment):
        processes.append(Process(tmp_path, *arguments, **environment))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
