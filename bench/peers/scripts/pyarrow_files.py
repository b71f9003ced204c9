"""Writes the records of a file of Airbyte messages as Parquet with pyarrow."""

import argparse

import pyarrow
import pyarrow.compute
import pyarrow.json
import pyarrow.parquet

import catalog

# Its JSON has no dates, but reads their text as timestamps.
KINDS = {"integer": pyarrow.int64(), "number": pyarrow.float64(), "boolean": pyarrow.bool_(), "date": pyarrow.timestamp("s"),
         "string": pyarrow.string()}


def struct(fields):
    return pyarrow.struct([(n, struct(kind) if isinstance(kind, dict) else KINDS[kind]) for n, kind in fields.items()])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--threads", type=int, required=True)
    p.add_argument("--codec", required=True)
    p.add_argument("catalog")
    p.add_argument("input")
    p.add_argument("output")
    args = p.parse_args()
    pyarrow.set_cpu_count(args.threads)
    fields = catalog.fields(args.catalog)
    line = pyarrow.schema([("record", pyarrow.struct([("emitted_at", pyarrow.int64()), ("data", struct(fields))]))])
    parse = pyarrow.json.ParseOptions(line, unexpected_field_behavior="ignore")
    read = pyarrow.json.ReadOptions(block_size=16 << 20)
    schema = pyarrow.schema([(catalog.TIME, pyarrow.timestamp("ms")), *(
        (n, pyarrow.date32() if kind == "date" else struct(fields)[n].type) for n, kind in fields.items())])
    # Batch by batch: read_json and write_table hold the whole table, for about as much CPU time.
    with pyarrow.parquet.ParquetWriter(args.output, schema, compression=args.codec) as writer:
        for batch in pyarrow.json.open_json(args.input, read_options=read, parse_options=parse):
            time, data = batch.column("record").flatten()
            columns = [c.cast(schema.field(i).type) if c.type != schema.field(i).type else c for i, c in enumerate([time, *data.flatten()])]
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))


main()
