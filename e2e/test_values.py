"""Every reader finds every value: as the source has it, and as PyAirbyte's own cache has it."""

import json
import subprocess

import pytest
from airbyte.strategies import WriteStrategy

import sources
from api import NOTES
from lake import FLAT, GZIP, SLUICE, UNFLATTENED
from readers import EXACT, READERS, read_pandas
from values import METADATA, check

COLUMNS = list(NOTES[0])
everyone = pytest.mark.parametrize("reader", READERS)


def write(lake, source, **format):
    """One sync past the cache: what the source sends is what Sluice gets."""
    lake.destination(format=FLAT | format).write(source, cache=False, state_cache=False, write_strategy=WriteStrategy.REPLACE)


def check_all(lake, stream, records, columns):
    for reader, read in READERS.items():
        print("read by", reader)
        check(read(lake, stream), records, "id", columns, blank_is_null=reader not in EXACT)


@pytest.fixture(scope="module")
def written(server, request):
    """The notes, written once in each format, for all readers."""
    from api import API
    from lake import Lake

    lakes = {name: Lake(server, "values/" + name) for name in ("plain", "gzip", "null_value", "unflattened")}
    source = sources.notes(API())
    write(lakes["plain"], source)
    write(lakes["gzip"], source, **GZIP)
    write(lakes["null_value"], source, null_value="\\N")
    write(lakes["unflattened"], source, **UNFLATTENED)
    return lakes


@everyone
@pytest.mark.parametrize("format", ["plain", "gzip"])
def test_flattened(written, reader, format):
    rows = READERS[reader](written[format], "notes")
    check(rows, NOTES, "id", COLUMNS, blank_is_null=reader not in EXACT)


def test_pandas_with_null_value(written):
    """pandas does not look at quotes, so null needs a text of its own; then it is exact too."""
    rows = read_pandas(written["null_value"], "notes", na_values=["\\N"])
    check(rows, NOTES, "id", COLUMNS)


@everyone
def test_unflattened(written, reader):
    rows = READERS[reader](written["unflattened"], "notes")
    assert {tuple(row) for row in rows} == {(*METADATA, "_airbyte_data")}
    records = {r["id"]: r for r in (json.loads(row["_airbyte_data"]) for row in rows)}
    assert len(rows) == len(records)
    # The source leaves out keys whose value is null.
    assert records == {n["id"]: {k: v for k, v in n.items() if v is not None} for n in NOTES}


def test_digits(lake, tmp_path):
    """Numbers keep their digits. Python's own numbers would not, so PyAirbyte is left out."""
    numbers = ["50000.0000000000000001", "12345678901234567890123456789012", "1e400", "-0.0", "1.10", "0.1e-7"]
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "n": {"type": "number"}}}
    catalog = {"streams": [{"stream": {"name": "numbers", "json_schema": schema}, "sync_mode": "full_refresh", "destination_sync_mode": "append"}]}
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    (tmp_path / "config.json").write_text(json.dumps(lake.config()))
    lines = "".join('{"type":"RECORD","record":{"stream":"numbers","emitted_at":1,"data":{"id":%d,"n":%s}}}\n' % each for each in enumerate(numbers))
    subprocess.run([SLUICE, "write", "--config", tmp_path / "config.json", "--catalog", tmp_path / "catalog.json"],
                   input=lines.encode(), stdout=subprocess.DEVNULL, check=True)
    for reader, read in READERS.items():
        rows = read(lake, "numbers")
        assert [row["n"] for row in sorted(rows, key=lambda r: int(r["id"]))] == numbers, reader


def test_cache(lake, cache):
    """The same read, in PyAirbyte's cache and in the bucket."""
    read = sources.faker(200).read(cache=cache)
    lake.destination().write(read, write_strategy=WriteStrategy.REPLACE)
    for stream, count in {"users": 200, "products": 100, "purchases": 200}.items():
        records = [dict(r) for r in read[stream]]
        assert len(records) == count
        columns = [c for c in records[0] if not c.startswith("_airbyte_")]
        check_all(lake, stream, records, columns)


def test_past_the_cache(lake, cache, api):
    """What went past the cache is what a cached read has."""
    source = sources.notes(api)
    write(lake, source)
    records = [dict(r) for r in source.read(cache=cache)["notes"]]
    for row in records:  # the cache has JSON as text, and numbers as DECIMAL(38,9): 1e21 has a rest there
        row.update({c: json.loads(row[c]) for c in ("tags", "nested") if isinstance(row[c], str)})
        row["ratio"] = row["ratio"] if row["ratio"] is None else float(row["ratio"])
    check(READERS["pyarrow"](lake, "notes"), records, "id", COLUMNS)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_file(lake, tmp_path, format):
    """source-file on local files, all columns as text."""
    records = [{"id": f"id{n['id']}", "text": n["text"] or "", "amount": n["amount"] or "", "big": n["big"] or ""} for n in NOTES]
    path = tmp_path / f"local_{format}"
    if format == "csv":
        quoted = [",".join('"' + v.replace('"', '""') + '"' for v in r.values()) for r in records]
        path.write_text("\n".join(["id,text,amount,big", *quoted, ""]))
        source = sources.file(path, "csv", dtype="str", keep_default_na=False)
    else:
        path.write_text("".join(json.dumps(r) + "\n" for r in records))
        source = sources.file(path, "jsonl")
    write(lake, source)
    check_all(lake, path.stem, records, list(records[0]))
