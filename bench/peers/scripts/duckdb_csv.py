"""Writes the records of a file of Airbyte messages as CSV with DuckDB."""

import argparse
import importlib.resources

import duckdb

import catalog


def query(args, names):
    """The SELECT. All fields are read as text, which was the fastest of what was tried, and
    keeps the digits of integers. Tried besides: BIGINT and DOUBLE columns (5% slower, and
    36 becomes 36.0), and data as one JSON value, taken apart with ->> (4 times slower: the
    value is parsed once a column)."""
    if args.unflattened:
        data, cells = "JSON", ["record.data AS _airbyte_data"]
    else:
        nested = ("object", "array")
        fields = [f'"{n}" {"JSON" if kind in nested else "VARCHAR"}' for n, kind in names]
        data, cells = f"STRUCT({', '.join(fields)})", [f'record.data."{n}"' for n, _ in names]
    cells = [f"gen_random_uuid() AS {catalog.ID}", f"record.emitted_at AS {catalog.TIME}", *cells]
    struct = f"STRUCT(emitted_at BIGINT, data {data})"
    return (f"SELECT {', '.join(cells)} FROM read_json('{args.input}', format = 'newline_delimited', "
            f"columns = {{'record': '{struct}'}})")


def use_server(db):
    """Loads httpfs from its own package, since the usual way would download it."""
    files = importlib.resources.files("duckdb_extension_httpfs")
    extension = files / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    db.execute(f"LOAD '{extension}'")
    endpoint, region, key, secret = catalog.server()
    db.execute(f"CREATE SECRET (TYPE s3, KEY_ID '{key}', SECRET '{secret}', REGION '{region}', "
               f"ENDPOINT '{endpoint.removeprefix('http://')}', USE_SSL false, URL_STYLE 'path')")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--any-order", action="store_true", help="rows may change their places")
    p.add_argument("--unflattened", action="store_true")
    p.add_argument("--threads", type=int, required=True)
    p.add_argument("catalog")
    p.add_argument("input")
    p.add_argument("output")
    args = p.parse_args()
    db = duckdb.connect()
    db.execute(f"SET threads = {args.threads}")
    if args.any_order:
        db.execute("SET preserve_insertion_order = false")
    options = "FORMAT csv, HEADER true"
    if args.output.startswith("s3://"):
        use_server(db)
    else:
        # Without it a temporary file is renamed, which can't be done to /dev/null.
        options += ", USE_TMP_FILE false"
    db.execute(f"COPY ({query(args, catalog.columns(args.catalog))}) TO '{args.output}' ({options})")


main()
