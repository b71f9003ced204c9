"""Writes the records of a file of Airbyte messages as CSV with Polars."""

import argparse

import polars as pl

import catalog

# Nested values are read as text: a struct, written with json_encode, was 15% slower. Text
# for the numbers too was 4% slower than their own types; unnest as fast as struct.field.
KINDS = {"integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--unflattened", action="store_true")
    p.add_argument("catalog")
    p.add_argument("input")
    p.add_argument("output")
    args = p.parse_args()
    names = catalog.columns(args.catalog)
    data = pl.String if args.unflattened else pl.Struct({n: KINDS.get(kind, pl.String) for n, kind in names})
    schema = {"record": pl.Struct({"emitted_at": pl.Int64, "data": data})}
    record = pl.col("record").struct
    if args.unflattened:
        cells = [record.field("data").alias("_airbyte_data")]
    else:
        cells = [record.field("data").struct.field(n) for n, _ in names]
    options = {}
    if args.output.startswith("s3://"):
        endpoint, region, key, secret = catalog.server()
        options["storage_options"] = {
            "aws_endpoint_url": endpoint, "aws_region": region, "aws_access_key_id": key,
            "aws_secret_access_key": secret, "aws_allow_http": "true",
        }
    # The lazy scan and the sink run as one stream: a collect would hold the whole table.
    lazy = pl.scan_ndjson(args.input, schema=schema)
    lazy.select(record.field("emitted_at").alias(catalog.TIME), *cells).sink_csv(args.output, **options)


main()
