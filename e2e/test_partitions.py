"""Partitions as Hive names them: each reader has each value back from the names of directories, and null."""

import json
import subprocess

import polars
import pyarrow
import pyarrow.dataset
import pytest

from lake import BUCKET, FLAT, SLUICE, Lake
from readers import arrow_s3, polars_options, query

# Values of the field, and what stands for them in a key that is text. What is missing or empty is null.
VALUES = [
    ("DE", "DE"), ("a/b", "a/b"), ("50%", "50%"), ("%2F", "%2F"), ("a=b=c", "a=b=c"), ("Zürich 東京 😀", "Zürich 東京 😀"),
    ("e\u0301", "e\u0301"), ("'\"q\"", "'\"q\""), ("a\nb\r\tc", "a\nb\r\tc"), ("a\\b", "a\\b"), (" a ", " a "), ("..", ".."),
    ("a+b c&d", "a+b c&d"), ("a//b/", "a//b/"), ("*?[x]{y}~!@#$^;,<>|`", "*?[x]{y}~!@#$^;,<>|`"), ("\u0085\u2028", "\u0085\u2028"),
    ("None", "None"), ("NULL", "NULL"), ("null", "null"), ("nan", "nan"), ("007", "007"), ("x" * 200, "x" * 200),
    (None, None), ("", None), (7, "7"), (-1.5, "-1.5"), (True, "true"), ({"a": [1, None]}, '{"a":[1,null]}'),
]
DAYS = [("2026-11-22T23:30:00-05:00", "2026-11-23"), ("2026-01-02", "2026-01-02"), (None, None), ("yesterday", None)]
WANT = {i: (p, DAYS[i % len(DAYS)][1]) for i, (_, p) in enumerate(VALUES)}

NULL = "__HIVE_DEFAULT_PARTITION__"

SCHEMA = {"properties": {"id": {"type": "integer"}, "p": {"type": ["null", "string"]}, "at": {"type": "string"}}}
KEYS = ["p", "date(at)"]

FORMATS = {
    "csv": FLAT,
    "jsonl": {"format_type": "JSONL", "flattening": "Root level flattening"},
    "parquet": {"format_type": "Parquet"},
}


@pytest.fixture(scope="module")
def written(server, tmp_path_factory):
    """The records in each format, and once more with the column beside the directory."""
    lakes = {}
    for format in FORMATS:
        for columns in ("drop", "keep"):
            lake = lakes[format, columns] = Lake(server, f"partitions/{format}/{columns}")
            write(lake, tmp_path_factory.mktemp("partitions"), format, columns)
    return lakes


def write(lake, directory, format, columns):
    stream = {"name": "t", "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh"]}
    catalog = {"streams": [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}]}
    config = lake.config(FORMATS[format], partition_by=KEYS, partition_columns=columns)
    (directory / "catalog.json").write_text(json.dumps(catalog))
    (directory / "config.json").write_text(json.dumps(config))
    data = [{"id": i, "p": p, "at": DAYS[i % len(DAYS)][0]} for i, (p, _) in enumerate(VALUES)]
    lines = [json.dumps({"type": "RECORD", "record": {"stream": "t", "emitted_at": 1, "data": d}}, separators=(",", ":")) for d in data]
    ran = subprocess.run([SLUICE, "write", "--config", directory / "config.json", "--catalog", directory / "catalog.json"],
                         input="".join(line + "\n" for line in lines).encode(), capture_output=True)
    assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()


def duckdb_rows(lake, format):
    """It does not know Hive's name for null. Without hive_types_autocast = false it may
    make numbers of texts."""
    options = "hive_partitioning = true, hive_types_autocast = false"
    if format == "parquet":
        source = f"read_parquet('s3://{BUCKET}/{lake.path}/t/**/*.parquet', {options})"
    elif format == "csv":
        source = f"read_csv('s3://{BUCKET}/{lake.path}/t/**/*.csv', header = true, quote = '\"', escape = '\"', {options})"
    else:
        source = f"read_json('s3://{BUCKET}/{lake.path}/t/**/*.jsonl', format = 'newline_delimited', {options})"
    return query(lake, f"SELECT id, nullif(p, '{NULL}') AS p, nullif(day, '{NULL}') AS day FROM {source}")


def pyarrow_rows(lake, format):
    """The types of the keys are told: else it guesses them from the names."""
    keys = pyarrow.schema([("p", pyarrow.string()), ("day", pyarrow.string())])
    dataset = pyarrow.dataset.dataset(
        f"{BUCKET}/{lake.path}/t", filesystem=arrow_s3(lake), format="json" if format == "jsonl" else format,
        partitioning=pyarrow.dataset.partitioning(keys, flavor="hive"))
    return dataset.to_table(columns=["id", "p", "day"]).to_pylist()


def polars_rows(lake, format):
    schema = {"p": polars.String, "day": polars.String}
    scan = polars.scan_parquet(f"s3://{BUCKET}/{lake.path}/t/", storage_options=polars_options(lake), hive_partitioning=True, hive_schema=schema)
    return scan.select("id", "p", "day").collect().to_dicts()


READERS = [(f, r, c) for f in FORMATS for r in (duckdb_rows, pyarrow_rows) for c in ("drop", "keep")]
READERS += [("parquet", polars_rows, "drop"), ("parquet", polars_rows, "keep")]
READERS.remove(("jsonl", pyarrow_rows, "keep"))  # it wants one type of JSON in a field


@pytest.mark.parametrize("format, read, columns", [pytest.param(f, r, c, id=f"{f}-{r.__name__}-{c}") for f, r, c in READERS])
def test_values(written, format, read, columns):
    rows = read(written[format, columns], format)
    assert len(rows) == len(WANT)
    assert {int(row["id"]): (row["p"], row["day"]) for row in rows} == WANT


@pytest.mark.parametrize("format", FORMATS)
def test_kept(written, format):
    """With partition_columns: keep nobody needs the directories, and the empty text is none that is null."""
    source = f"'s3://{BUCKET}/{written[format, 'keep'].path}/t/**/*.{format}', hive_partitioning = false"
    read = {
        "csv": f"read_csv({source}, all_varchar = true, allow_quoted_nulls = false, quote = '\"')",
        "jsonl": f"read_json({source}, format = 'newline_delimited', columns = {{id: 'INT', p: 'VARCHAR'}})",
        "parquet": f"read_parquet({source})",
    }[format]
    rows = {int(row["id"]): row["p"] for row in query(written[format, "keep"], f"SELECT id, p FROM {read}")}
    assert rows == {i: "" if value == "" else want for i, (value, want) in enumerate(VALUES)}
