"""Holds Parquet, Avro or JSON lines against the messages that they were made of, and prints what it found as JSON.

    check_files.py parquet catalog --messages file output   each value of each row, and the types of the columns:
                                                            {"rows": number, "findings": {kind: text for people}}
    check_files.py parquet catalog output...                {"rows": number, "sums": {column: number}}
    check_files.py messages catalog file                    the same of the messages
    check_files.py --rows parquet catalog output...         {"rows": number}, in less time

Numbers are their sum, dates that of their days, texts that of their lengths, so that a column that was lost, or
shifted, or rounded shows up in a file of millions of rows."""

import argparse
import datetime
import decimal
import json
import re
import sys

import fastavro
import pyarrow
import pyarrow.compute
import pyarrow.json
import pyarrow.parquet

import catalog

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
KINDS = {"integer": pyarrow.int64(), "number": pyarrow.float64(), "boolean": pyarrow.bool_(), "date": pyarrow.timestamp("s"),
         "string": pyarrow.string()}


def struct(fields, kinds=KINDS):
    return pyarrow.struct([(n, struct(kind, kinds) if isinstance(kind, dict) else kinds[kind]) for n, kind in fields.items()])


def batches(format, path, fields):
    """The source's columns of a file, a batch of Arrow's at a time."""
    if format == "parquet":
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(columns=list(fields)):
            yield batch.to_struct_array()
    elif format == "avro":
        schema = struct(fields, KINDS | {"date": pyarrow.date32()})
        with open(path, "rb") as f:
            rows = []
            for row in fastavro.reader(f):
                rows.append({n: plain(row[n]) for n in fields})
                if len(rows) == 20_000:
                    yield pyarrow.array(rows, schema)
                    rows = []
            yield pyarrow.array(rows, schema)
    else:
        line = struct(fields) if format == "jsonl" else pyarrow.struct([("record", pyarrow.struct([("data", struct(fields))]))])
        parse = pyarrow.json.ParseOptions(pyarrow.schema(line), unexpected_field_behavior="ignore")
        for batch in pyarrow.json.open_json(path, read_options=pyarrow.json.ReadOptions(block_size=16 << 20), parse_options=parse):
            yield batch.to_struct_array() if format == "jsonl" else batch.column("record").field("data")


def plain(value):
    """Decimals as what the schema of a batch has for numbers."""
    return float(value) if isinstance(value, decimal.Decimal) else value


def add(sums, name, column):
    """Adds what stands for a column."""
    if pyarrow.types.is_struct(column.type):
        for i, field in enumerate(column.type):
            add(sums, f"{name}.{field.name}" if name else field.name, column.field(i))
        return
    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.date32())
    if pyarrow.types.is_date(column.type):
        column = column.cast(pyarrow.int32()).cast(pyarrow.int64())
    elif pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type):
        column = pyarrow.compute.utf8_length(column)
    elif not pyarrow.types.is_integer(column.type):
        column = column.cast(pyarrow.float64())
    sums[name] = sums.get(name, 0) + (pyarrow.compute.sum(column).as_py() or 0)


def total(format, paths, fields):
    rows, sums = 0, {}
    for path in paths:
        for batch in batches(format, path, fields):
            rows += len(batch)
            add(sums, "", batch)
    return {"rows": rows, "sums": sums}


def count(format, path):
    if format == "parquet":
        return pyarrow.parquet.read_metadata(path).num_rows
    with open(path, "rb") as f:
        if format == "avro":
            return sum(block.num_records for block in fastavro.block_reader(f))
        return sum(chunk.count(b"\n") for chunk in iter(lambda: f.read(1 << 20), b""))


def types(format, path):
    """{name: kind} of the columns of a file, as catalog.fields has it."""
    if format == "parquet":
        return {f.name: arrow_kind(f.type) for f in pyarrow.parquet.read_schema(path)}
    with open(path, "rb") as f:
        return avro_kind(fastavro.reader(f).writer_schema)


def arrow_kind(t):
    if pyarrow.types.is_struct(t):
        return {f.name: arrow_kind(f.type) for f in t}
    tests = {"integer": pyarrow.types.is_int64, "number": pyarrow.types.is_float64, "boolean": pyarrow.types.is_boolean, "date": pyarrow.types.is_date32,
             "string": lambda t: pyarrow.types.is_string(t) or pyarrow.types.is_large_string(t), "time": pyarrow.types.is_timestamp,
             "decimal": pyarrow.types.is_decimal}
    return next((kind for kind, test in tests.items() if test(t)), str(t))


def avro_kind(t):
    if isinstance(t, list):
        t = next(branch for branch in t if branch != "null")
    if not isinstance(t, dict):
        return {"long": "integer", "double": "number"}.get(t, t)
    if t["type"] == "record":
        return {f["name"]: avro_kind(f["type"]) for f in t["fields"]}
    kind = t.get("logicalType", "").split("-")[0]
    return {"timestamp": "time", "local": "time", "uuid": "string"}.get(kind, kind) or avro_kind(t["type"])


def rows(format, path):
    if format == "parquet":
        return pyarrow.parquet.read_table(path).to_pylist()
    with open(path, "rb") as f:
        if format == "avro":
            return list(fastavro.reader(f))
        return [json.loads(line, parse_float=decimal.Decimal) for line in f]


def wanted(path):
    """The rows of the messages."""
    with open(path, "rb") as f:
        for line in f:
            record = json.loads(line, parse_float=decimal.Decimal)["record"]
            yield {catalog.TIME: record["emitted_at"]} | record["data"]


def equal(got, want):
    match got:
        case dict():
            return isinstance(want, dict) and got.keys() == want.keys() and all(equal(got[n], want[n]) for n in got)
        case datetime.datetime():
            return round(got.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000) == want
        case datetime.date():
            return got.isoformat() == want
        case float():
            return got == float(want)
    return type(got) is not bool and got == want or got is want


def compare(format, path, fields, messages):
    findings = {}
    got, want = rows(format, path), list(wanted(messages))
    if format != "jsonl":
        expected = {catalog.ID: "string", catalog.TIME: "time"} | fields
        found = types(format, path)
        if catalog.ID not in found:
            findings["no id"] = f"no {catalog.ID}"
            del expected[catalog.ID]
        numbers = {n: "decimal" if kind == "number" else kind for n, kind in expected.items()}
        if list(found.items()) == list(numbers.items()):
            findings["decimals"] = "numbers are decimals"
        elif list(found.items()) != list(expected.items()):
            findings["wrong"] = f"the columns are {found}, not {expected}"
    elif got and catalog.ID not in got[0]:
        findings["no id"] = f"no {catalog.ID}"
    if len(got) != len(want):
        findings.setdefault("wrong", f"{len(got)} rows for {len(want)}")
    ids = [str(row.pop(catalog.ID)) for row in got if catalog.ID in row]
    if not all(map(UUID4.match, ids)) or len(set(ids)) != len(ids):
        findings.setdefault("wrong", "an id is no random UUID, or comes twice")
    time = (lambda row: row[catalog.TIME].timestamp()) if format != "jsonl" else lambda row: row[catalog.TIME]
    if [time(row) for row in got] != sorted(time(row) for row in got):
        findings["order"] = "rows in another order"
        got.sort(key=time)
    for number, (g, w) in enumerate(zip(got, want)):
        for name in w:
            if name not in g or not equal(g[name], w[name]):
                findings.setdefault("wrong", f"{name} of row {number}: {g.get(name)!r} for {w[name]!r}")
    return {"rows": len(got), "findings": findings}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--messages", help="compare each value with these")
    p.add_argument("--rows", action="store_true", help="count the rows alone")
    p.add_argument("format", choices=["parquet", "avro", "jsonl", "messages"])
    p.add_argument("catalog")
    p.add_argument("files", nargs="+")
    args = p.parse_args()
    fields = catalog.fields(args.catalog)
    if args.messages:
        found = compare(args.format, args.files[0], fields, args.messages)
    elif args.rows:
        found = {"rows": sum(count(args.format, path) for path in args.files)}
    else:
        found = total(args.format, args.files, fields)
    json.dump(found, sys.stdout)


main()
