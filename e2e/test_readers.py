"""Every format, codec, flattening and metadata: each reader finds each value, null and missing field.

records.py has the values, formats.py what the files must have of them."""

import dataclasses
import functools
import json
import re
import subprocess
import uuid
from decimal import Decimal

import pyarrow.parquet
import pytest
import zstandard

import readers
import readers_jsonl
import readers_typed
from formats import CODECS, DATA, PENDING, V1, V2, View, expected, layouts, normal
from lake import BUCKET, SLUICE, Lake
from records import CUT, MANY, RECORDS, STREAMS, catalog, messages

LAYOUTS = list(layouts())


def csv_reader(name, read):
    """Each cell is text. pandas does not look at quotes, and takes the empty string for null."""
    return lambda lake, stream, layout: read(lake, stream), View(), tuple(STREAMS)


READERS = {
    "CSV": {name: csv_reader(name, read) for name, read in readers.READERS.items()},
    "JSONL": readers_jsonl.READERS,
    "Avro": readers_typed.AVRO,
    "Parquet": readers_typed.PARQUET,
}


def pending(layout):
    return [pytest.mark.skip(f"{layout.format} is not written yet")] if layout.format in PENDING else []


def knows(reader, layout):
    return layout.format != "Avro" or layout.codec in readers_typed.AVRO_CODECS.get(reader, [layout.codec])


def only(*names):
    return pytest.mark.parametrize("layout", [pytest.param(l, id=str(l), marks=pending(l)) for l in LAYOUTS if str(l) in (names or [str(l)])])


each_layout = only()
each_reader = pytest.mark.parametrize("layout, reader", [
    pytest.param(l, r, id=f"{l}-{r}", marks=pending(l)) for l in LAYOUTS for r in READERS[l.format] if knows(r, l)])


@pytest.fixture(scope="session")
def write(server, tmp_path_factory):
    """Writes the records in a layout, once, and tells where they are."""
    @functools.cache
    def write(layout, many=False, **format):
        lake = Lake(server, f"readers/{layout}" + "-many" * many + "".join(f"-{v}" for v in format.values()))
        directory = tmp_path_factory.mktemp("readers")
        config = layout.config
        config["format"] |= format
        (directory / "catalog.json").write_text(json.dumps(catalog()))
        (directory / "config.json").write_text(json.dumps(lake.config(**config)))
        ran = subprocess.run([SLUICE, "write", "--config", directory / "config.json", "--catalog", directory / "catalog.json"],
                             input=messages(MANY if many else RECORDS), capture_output=True)
        assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()
        return lake
    return write


@each_reader
def test_values(write, layout, reader):
    for stream in READERS[layout.format][reader][2]:
        check(write(layout), layout, reader, stream, RECORDS[stream])


@only("csv-zstd-flat-v2", "jsonl-zstd-flat-v2", "avro-zstandard-flat-v2", "parquet-zstd-flat-v2")
def test_many(write, layout):
    """More than one batch, block and row group."""
    lake = write(layout, many=True, **({"block_size_mb": 1} if layout.format == "Parquet" else {}))
    for reader in READERS[layout.format]:
        if knows(reader, layout):
            check(lake, layout, reader, "plain", MANY["plain"])
    if layout.format == "Parquet":
        assert parquet_file(lake, "plain").num_row_groups > 1


def blurred(layout, stream, reader, row):
    """What a reader has left of an expected row: what is said in README.md."""
    if layout.format == "CSV" and reader not in readers.EXACT:
        return {name: value or None for name, value in row.items()}
    if layout.format == "JSONL" and reader in readers_jsonl.BY_SCHEMA:
        return declared(row, readers_jsonl.schema(layout, stream))
    return row


def declared(value, schema):
    """The members that a schema has."""
    match value:
        case dict():
            return {name: declared(value[name], s) for name, s in schema["properties"].items() if name in value}
        case list():
            return [declared(v, schema["items"]) for v in value]
    return value


def check(lake, layout, reader, stream, records):
    """Asserts that a reader finds these records and no others, in whatever order."""
    read, view, _ = READERS[layout.format][reader]
    rows = read(lake, stream, layout)
    want = {r.key: expected(layout, STREAMS[stream], r) for r in records}
    ids = V2[0] if layout.metadata == "v2" else V1[0]
    got = {key(row): row for row in rows}
    assert sorted(got) == sorted(want) and len(rows) == len(want)
    assert len({row[ids] for row in rows}) == len(rows)
    for number, row in want.items():
        row, found = blurred(layout, stream, reader, row), got[number]
        assert uuid.UUID(str(found[ids])).version == 4
        if layout.format != "JSONL":
            assert list(found) == list(row)
        row, found = normal(row, view), normal(dict(found, **{ids: row.get(ids)}), view)
        assert found.keys() == row.keys(), f"record {number}"
        for name in row:
            assert found[name] == row[name], f"{name} of record {number}: found {found[name]!r}, expected {row[name]!r}"


def key(row):
    """The number of the record."""
    match row.get("id", row.get(DATA)):
        case str() as text if text.startswith("{"):
            return json.loads(text)["id"]
        case dict() as data:
            return int(getattr(data["id"], "text", data["id"]))
        case value:
            return int(getattr(value, "text", value))


@each_layout
def test_objects(write, layout):
    """One object a stream, by its name what it is; what is packed is so to its last byte."""
    for stream in STREAMS:
        (name, head), = write(layout).objects(stream).items()
        assert name.endswith("_0" + layout.extension)
        assert head["Metadata"]["rows"] == str(len(RECORDS[stream]))
        body = write(layout).server.s3.get_object(Bucket=BUCKET, Key=f"{write(layout).path}/{stream}/{name}")["Body"].read()
        match layout.extension.rsplit(".", 1)[1]:
            case "gz":
                subprocess.run(["gzip", "-t"], input=body, check=True)
            case "zst":
                unpacker = zstandard.ZstdDecompressor().decompressobj()
                assert unpacker.decompress(body) and unpacker.eof and not unpacker.unused_data  # one frame


@only("parquet-zstd-flat-v1", "parquet-zstd-flat-v2-keep")
def test_parquet_schema(write, layout, golden):
    """What a schema dump says of a Parquet file: names, physical and logical types, nesting."""
    dump = []
    for stream in STREAMS:
        # The first line is an address in memory; ids of fields and what older writers meant are not ours.
        text = str(parquet_file(write(layout), stream).schema).split("\n", 1)[1]
        text = re.sub(r" field_id=-1|, is_from_converted_type=false|, force_set_converted_type=false", "", text)
        dump.append(f"{stream}: {text.strip()}\n")
    golden(f"{layout}.txt", "\n".join(dump))


@only("parquet-zstd-flat-v2")
def test_parquet_codecs(write, layout):
    """Each column of a file is packed with the codec that was asked for."""
    for codec in CODECS["Parquet"]:
        group = parquet_file(write(dataclasses.replace(layout, codec=codec)), "plain").metadata.row_group(0)
        assert {group.column(i).compression for i in range(group.num_columns)} == {codec}


def parquet_file(lake, stream):
    (name,) = lake.objects(stream)
    return pyarrow.parquet.ParquetFile(readers.arrow_s3(lake).open_input_file(f"{BUCKET}/{lake.path}/{stream}/{name}"))


NUMBER_TYPES = {"double": lambda case: float(case.text), "string": lambda case: case.text, "decimal(38,18)": lambda case: case.typed}


@pytest.mark.parametrize("number_type", NUMBER_TYPES)
@only("parquet-zstd-flat-v2", "avro-zstandard-flat-v2")
def test_number_type(write, layout, number_type):
    """Numbers as floats, and as their text. Floats that lost digits are told of."""
    lake = write(layout, number_type=number_type)
    for reader, (read, view, _) in READERS[layout.format].items():
        if not knows(reader, layout):
            continue
        rows = {key(row): row for row in read(lake, "plain", layout)}
        for record in RECORDS["plain"]:
            case, row = record.cases["amount"], rows[record.key]
            want = None if case.text in (None, "null") else NUMBER_TYPES[number_type](case)
            assert normal(row["amount"], view) == normal(want, view), f"{reader}, record {record.key}"
            told = [(c["change"], c["reason"]) for c in row["_airbyte_meta"]["changes"] if c["field"] == "amount"]
            lossy = isinstance(want, float) and Decimal(repr(want)) != Decimal(case.text)
            assert told == [CUT] * lossy, f"{reader}, record {record.key}"
