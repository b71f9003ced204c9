"""Writes the records of a file of Airbyte messages as Parquet, Avro or JSON lines with Polars."""

import argparse

import polars as pl

import catalog

KINDS = {"integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean, "date": pl.Date, "string": pl.String}

# JSON lines pass dates through, as text.
TEXT = KINDS | {"date": pl.String}


def struct(fields, kinds):
    return pl.Struct({n: struct(kind, kinds) if isinstance(kind, dict) else kinds[kind] for n, kind in fields.items()})


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--codec", default="uncompressed")
    p.add_argument("format", choices=["parquet", "avro", "jsonl"])
    p.add_argument("catalog")
    p.add_argument("input")
    p.add_argument("output")
    args = p.parse_args()
    fields = catalog.fields(args.catalog)
    data = struct(fields, TEXT if args.format == "jsonl" else KINDS)
    record = pl.col("record").struct
    time = record.field("emitted_at")
    if args.format != "jsonl":
        time = time.cast(pl.Datetime("ms"))
    cells = [time.alias(catalog.TIME), *(record.field("data").struct.field(n) for n in fields)]
    lazy = pl.scan_ndjson(args.input, schema={"record": pl.Struct({"emitted_at": pl.Int64, "data": data})}).select(cells)
    # The lazy scan and the sink run as one stream: a collect would hold the whole table. Avro
    # has no sink.
    if args.format == "parquet":
        lazy.sink_parquet(args.output, compression=args.codec)
    elif args.format == "avro":
        lazy.collect(engine="streaming").write_avro(args.output, compression=args.codec)
    else:
        lazy.sink_ndjson(args.output)


main()
