"""How people read JSONL back, with the columns that the schema has.

Python's own json has every digit. pyarrow keeps numbers as decimals where it is told to; DuckDB and
Polars read them as floats, as pandas does. A column of several types is for DuckDB's JSON and for
Python only."""

import datetime
import gzip
import io
import json

import pandas
import polars
import pyarrow
import pyarrow.fs
import pyarrow.json
import s3fs
import zstandard

from formats import DATA, V1, V2, View, exact
from lake import BUCKET
from readers import arrow_s3, files, polars_options, query, s3fs_options
from records import STREAMS, UNDECLARED

META = {"type": "object", "properties": {"sync_id": {"type": "integer"}, "changes": {"type": "array", "items": {
    "type": "object", "properties": {name: {"type": "string"} for name in ("field", "change", "reason")}}}}}
METADATA = dict(zip(V1, [{"type": "string"}, {"type": "integer"}])) | dict(zip(V2, [{"type": "string"}, {"type": "integer"}, META, {"type": "integer"}]))


def schema(layout, stream):
    """The JSON schema of the lines."""
    names = V2 if layout.metadata == "v2" else V1
    fields = dict(STREAMS[stream].schema["properties"])
    if layout.keep or not layout.flat:
        fields |= UNDECLARED
    return {"type": "object", "properties": {n: METADATA[n] for n in names} | (fields if layout.flat else {DATA: {"type": "object", "properties": fields}})}


def kind(schema):
    """The JSON type that is not null."""
    kinds = schema.get("type")
    return next(k for k in kinds if k != "null") if isinstance(kinds, list) else kinds


def arrow_type(schema, number):
    """The type of Arrow for values of a JSON schema."""
    match kind(schema):
        case "object":
            return pyarrow.struct([(n, arrow_type(s, number)) for n, s in schema["properties"].items()])
        case "array":
            return pyarrow.list_(arrow_type(schema["items"], number))
        case name:
            return {"string": pyarrow.string(), "integer": pyarrow.int64(), "boolean": pyarrow.bool_(), "number": number}[name]


def arrow_schema(layout, stream, number):
    return pyarrow.schema(list(arrow_type(schema(layout, stream), number)))


def unpacked(lake, stream):
    """The objects of a stream, as files of lines."""
    filesystem = s3fs.S3FileSystem(**s3fs_options(lake))
    for name in lake.objects(stream):
        with filesystem.open(f"{BUCKET}/{lake.path}/{stream}/{name}", "rb") as f:
            opener = {"gz": gzip.open, "zst": zstandard.open}.get(name.rsplit(".", 1)[1])
            yield io.BytesIO((opener(f) if opener else f).read())


def read_python(lake, stream, layout):
    # Lines end with \n, and with nothing else that Python takes for a line end.
    return [exact(line) for f in unpacked(lake, stream) for line in f.read().decode().split("\n")[:-1]]


def read_pyarrow(lake, stream, layout):
    s3 = arrow_s3(lake)
    parse = pyarrow.json.ParseOptions(arrow_schema(layout, stream, pyarrow.decimal128(38, 18)), unexpected_field_behavior="ignore")
    rows = []
    for file in s3.get_file_info(pyarrow.fs.FileSelector(f"{BUCKET}/{lake.path}/{stream}")):
        with s3.open_input_stream(file.path) as f:
            rows += pyarrow.json.read_json(f, parse_options=parse).to_pylist()
    return rows


def read_pandas(lake, stream, layout):
    """With Arrow's engine: the other one makes floats of integers beside a null, and fails at numbers of 20 digits."""
    rows = []
    for f in unpacked(lake, stream):
        frame = pandas.read_json(f, lines=True, engine="pyarrow", dtype_backend="pyarrow")
        rows += [undated(row) for row in pyarrow.Table.from_pandas(frame, preserve_index=False).to_pylist()]
    return rows


def undated(value):
    """The texts of which pandas has made timestamps, since all of the column look like dates."""
    match value:
        case datetime.datetime():
            return value.date().isoformat()
        case list():
            return [undated(v) for v in value]
        case dict():
            return {k: undated(v) for k, v in value.items()}
    return value


def read_duckdb(lake, stream, layout):
    """All columns as JSON, which takes anything."""
    names = list(schema(layout, stream)["properties"])
    columns = ", ".join(quoted(n, '"') + ": 'JSON'" for n in names)
    rows = query(lake, f"SELECT * FROM read_json('{files(lake, stream)}', format='newline_delimited', columns={{{columns}}})")
    return [{n: v and json.loads(v) for n, v in row.items()} for row in rows]


def quoted(name, quote):
    return quote + name.replace(quote, quote + quote) + quote


def read_polars(lake, stream, layout):
    columns = polars.from_arrow(arrow_schema(layout, stream, pyarrow.float64()).empty_table()).schema
    return polars.scan_ndjson(files(lake, stream), schema=columns, storage_options=polars_options(lake)).collect().to_dicts()


# What is read by whom, and how it is compared.
READERS = {
    "python": (read_python, View("text", absent=True), ("plain", "mixed", "odd")),
    "pyarrow": (read_pyarrow, View(absent=True), ("plain",)),
    "pandas": (read_pandas, View("double", absent=True), ("plain",)),
    "duckdb": (read_duckdb, View("double", absent=True), ("plain", "mixed", "odd")),
    "polars": (read_polars, View("double", absent=True), ("plain",)),
}

# Those that read with a schema, and so leave out nested members that it does not have.
BY_SCHEMA = ("pyarrow", "polars")
