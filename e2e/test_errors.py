"""What a person sees of Sluice's errors, and what PyAirbyte asks the internet for."""

import os
import subprocess
import sys

import pytest
from airbyte.exceptions import AirbyteConnectorCheckFailedError, AirbyteConnectorValidationFailedError, AirbyteConnectorWriteError
from airbyte.strategies import WriteStrategy

import sources
from lake import SECRET

# What is wrong, and what the error must say.
WRONG = {
    "secret": ({"secret_access_key": "wrong-secret-key"}, ["SignatureDoesNotMatch", "check access_key_id, secret_access_key"]),
    "key": ({"access_key_id": "nobody"}, ["check access_key_id, secret_access_key"]),
    "bucket": ({"s3_bucket_name": "nobodys"}, ["NoSuchBucket", "check s3_bucket_name"]),
    "endpoint": ({"s3_endpoint": "http://127.0.0.1:1", "upload": {"retry_minutes": 0}}, ["connection refused"]),
}
wrong = pytest.mark.parametrize("case", WRONG)


def words(text):
    """PyAirbyte breaks lines at the width of the terminal, also in the middle of a sentence."""
    return " ".join(text.split())


def holds(text, wanted):
    for want in wanted:
        assert want in words(text)
    assert SECRET not in text and "wrong-secret-key" not in text


@wrong
def test_check(lake, case):
    """check: the whole message is in the exception."""
    config, wanted = WRONG[case]
    with pytest.raises(AirbyteConnectorCheckFailedError) as failed:
        lake.destination(**config).check()
    holds(str(failed.value), wanted)


@wrong
def test_write(lake, case, capfd):
    """write: the message is on the terminal and in the connector's log file; the exception has the
    exit code and the name of the file."""
    config, wanted = WRONG[case]
    with pytest.raises(AirbyteConnectorWriteError) as failed:
        lake.destination(**config).write(sources.hardcoded(5), cache=False, state_cache=False, write_strategy=WriteStrategy.APPEND)
    holds(capfd.readouterr().err, wanted)
    assert "Exit Code:" in str(failed.value)
    holds(failed.value.log_file.read_text(), wanted)


def test_config(lake):
    """A config that the spec does not allow is told before anything runs, if one asks."""
    with pytest.raises(AirbyteConnectorValidationFailedError) as failed:
        lake.destination(file_size_mb="many").validate_config()
    assert "'many' is not of type 'number'" in str(failed.value)


def test_watcher(outside, tmp_path):
    """That no test asks anybody is watched (conftest.py). Here is one who asks: PyAirbyte, when not
    told to be offline, wants its registry for each connector, though it has the program."""
    script = "import airbyte as ab; ab.get_destination('destination-s3', config={}, local_executable='/bin/true')"
    environment = {k: v for k, v in os.environ.items() if k not in ("AIRBYTE_OFFLINE_MODE", "DO_NOT_TRACK")}
    ran = subprocess.run([sys.executable, "-c", script], env=environment | {"HOME": str(tmp_path)}, capture_output=True)
    asked, outside.asked[:] = list(outside.asked), []
    assert any("connectors.airbyte.com" in line for line in asked), ran.stderr.decode()
