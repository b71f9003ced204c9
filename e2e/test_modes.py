"""Write strategies, states, and what lies in the bucket afterwards."""

import gzip
import re

import pytest
from airbyte.exceptions import AirbyteConnectorWriteError
from airbyte.strategies import WriteStrategy

import sources
from api import NOTES
from lake import BUCKET, FLAT, GZIP
from readers import read_pyarrow
from values import check

NAME = re.compile(r"\d{4}_\d\d_\d\d_\d{13}_\d+\.csv(\.gz)?")
STREAMS = {"products": 50, "customers": 50, "dummy_fields": 50}


def count(lake, stream):
    return len(read_pyarrow(lake, stream))


def test_check_and_spec(lake):
    destination = lake.destination()
    destination.check()
    destination.validate_config()
    assert "s3_bucket_name" in destination.config_spec["properties"]
    destination.print_config_spec()


def test_append(lake):
    for n in (1, 2):
        lake.destination().write(sources.hardcoded(50), cache=False, state_cache=False, write_strategy=WriteStrategy.APPEND)
        for stream, rows in STREAMS.items():
            assert len(lake.objects(stream)) == n
            assert count(lake, stream) == n * rows


def test_replace(lake):
    """Also when the older objects were appended, and though PyAirbyte's generation is always 1."""
    kept = set()
    for strategy in (WriteStrategy.APPEND, WriteStrategy.REPLACE, WriteStrategy.REPLACE):
        lake.destination().write(sources.hardcoded(50), cache=False, state_cache=False, write_strategy=strategy)
        for stream, rows in STREAMS.items():
            assert count(lake, stream) == rows
        names = set(lake.objects("products"))
        assert len(names) == 1 and not names & kept
        kept |= names


def test_append_keeps_what_others_wrote(lake):
    """An object without a generation, as from before Airbyte had them."""
    name = "2021_01_01_1609541171643_0.csv"
    lake.server.s3.put_object(Bucket=BUCKET, Key=f"{lake.path}/products/{name}", Body=b'"id"\r\n1\r\n')
    lake.destination().write(sources.hardcoded(1, "products"), cache=False, state_cache=False, write_strategy=WriteStrategy.APPEND)
    assert len(lake.objects("products")) == 2 and name in lake.objects("products")


@pytest.mark.parametrize("cached", [True, False])
def test_incremental(lake, cache, api, cached):
    """The second sync goes on where the first has ended, by the STATE that Sluice let out."""
    api.count = 4
    where = {"cache": cache} if cached else {"cache": False, "state_cache": cache}
    source = sources.notes_process(api)
    lake.destination().write(source, **where, write_strategy=WriteStrategy.APPEND)
    assert count(lake, "notes") == 4
    api.count, api.asked = 7, []
    lake.destination().write(source, **where, write_strategy=WriteStrategy.APPEND)
    assert api.asked == [NOTES[3]["updated_at"]]
    if cached:
        # What PyAirbyte sends is all that its cache has, in every sync: see README.md.
        assert count(lake, "notes") == 4 + 7
        return
    check(read_pyarrow(lake, "notes"), NOTES, "id", list(NOTES[0]))
    lake.destination().write(source, **where, write_strategy=WriteStrategy.APPEND)
    assert len(lake.objects("notes")) == 2  # nothing new, no object
    assert count(lake, "notes") == 7


def test_incremental_faker(lake, cache):
    for _ in range(2):
        result = lake.destination().write(sources.faker(30), cache=False, state_cache=cache, write_strategy=WriteStrategy.APPEND)
        assert {"users", "purchases"} <= set(result.get_state_provider().known_stream_names)
        assert count(lake, "users") == 30


def test_failed_sync_leaves_no_state(lake, cache, api):
    """What did not arrive comes again."""
    with pytest.raises(AirbyteConnectorWriteError):
        lake.destination(s3_bucket_name="nobodys").write(sources.notes(api), cache=False, state_cache=cache, write_strategy=WriteStrategy.APPEND)
    lake.destination().write(sources.notes(api), cache=False, state_cache=cache, write_strategy=WriteStrategy.APPEND)
    check(read_pyarrow(lake, "notes"), NOTES, "id", list(NOTES[0]))


def test_auto(lake):
    """Without a primary key AUTO is REPLACE."""
    for _ in range(2):
        lake.destination().write(sources.hardcoded(50, "products"), cache=False, state_cache=False, write_strategy=WriteStrategy.AUTO)
        assert count(lake, "products") == 50


@pytest.mark.parametrize("strategy", [WriteStrategy.AUTO, WriteStrategy.MERGE])
def test_merge_is_refused(lake, strategy, capfd):
    """With a primary key AUTO is MERGE, which files in a bucket can't do."""
    with pytest.raises(AirbyteConnectorWriteError):
        lake.destination().write(sources.faker(5), cache=False, state_cache=False, write_strategy=strategy)
    assert 'this destination supports "append" and "overwrite"' in " ".join(capfd.readouterr().err.split())
    assert not lake.objects("users")


@pytest.mark.parametrize("format", [FLAT, FLAT | GZIP], ids=["plain", "gzip"])
def test_layout(lake, format):
    lake.destination(format=format).write(sources.hardcoded(50), cache=False, state_cache=False, write_strategy=WriteStrategy.REPLACE)
    packed = "compression" in format
    for stream, rows in STREAMS.items():
        (name, head), = lake.objects(stream).items()
        assert NAME.fullmatch(name) and name.endswith(".gz") == packed
        assert head["Metadata"].items() >= {"rows": str(rows), "sluice-set": name}.items() and head["Metadata"]["sluice-version"]
        assert "ContentEncoding" not in head  # readers go by the name, and would decompress twice
        body = lake.server.s3.get_object(Bucket=BUCKET, Key=f"{lake.path}/{stream}/{name}")["Body"].read()
        text = gzip.decompress(body) if packed else body
        assert text.count(b"\r\n") == rows + 1
    listed = lake.server.s3.list_objects_v2(Bucket=BUCKET, Prefix=lake.path + "/")
    assert listed["KeyCount"] == len(STREAMS)
    assert "Uploads" not in lake.server.s3.list_multipart_uploads(Bucket=BUCKET)
