"""What the tests share. The environment is set before PyAirbyte is imported, which reads it then."""

import os
import pathlib
import shutil
import signal
import tempfile

from outside import Outside, environment

# A run that is ended from outside ends its S3 server too, as with Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)

SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
OUTSIDE = Outside()
for name in [n for n in os.environ if n.startswith(("AWS_", "AIRBYTE_", "WORKER_"))]:
    del os.environ[name]
os.environ.update(environment(OUTSIDE, SCRATCH))

import airbyte as ab  # noqa: E402
import pytest  # noqa: E402

from api import API  # noqa: E402
from lake import Lake, Server  # noqa: E402


@pytest.fixture(scope="session")
def server():
    server = Server(SCRATCH)
    yield server
    server.stop()


@pytest.fixture
def lake(server, request):
    """A path in the bucket for this test alone."""
    return Lake(server, request.node.name.translate({ord(c): "_" for c in "[]"}).strip("_"))


@pytest.fixture
def cache(tmp_path):
    """PyAirbyte's cache: a DuckDB file, with tables for what was read, and for states."""
    return ab.DuckDBCache(db_path=tmp_path / "cache.duckdb")


@pytest.fixture
def api():
    api = API()
    yield api
    api.server.shutdown()


@pytest.fixture
def outside():
    return OUTSIDE


@pytest.fixture
def golden(request):
    """Holds a text against the file of that name in testdata, or writes it there with --golden."""
    def hold(name, text):
        path = pathlib.Path(__file__).resolve().parent / "testdata" / name
        if request.config.getoption("--golden"):
            path.write_text(text)
        assert text == path.read_text()
    return hold


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="write the files in testdata anew")


@pytest.fixture(autouse=True)
def nothing_leaves(outside):
    """No test asks anybody outside of this machine."""
    yield
    asked, outside.asked[:] = list(outside.asked), []
    assert not asked


def pytest_unconfigure():
    shutil.rmtree(SCRATCH, ignore_errors=True)
