"""Writes the records of a file of Airbyte messages as CSV with chDB, the embedded ClickHouse."""

import argparse

import chdb

import catalog

# Typed columns were 15% faster than String for all.
KINDS = {"integer": "Int64", "number": "Float64", "boolean": "Bool"}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--unflattened", action="store_true")
    p.add_argument("--threads", type=int, required=True)
    p.add_argument("catalog")
    p.add_argument("input")
    p.add_argument("output")
    args = p.parse_args()
    names = catalog.columns(args.catalog)
    if args.unflattened:
        data, cells = "String", ["record.data AS _airbyte_data"]
    else:
        # Nullable, since a field may be null or missing: 0 or "" would stand there instead.
        fields = [f"`{n}` Nullable({KINDS.get(kind, 'String')})" for n, kind in names]
        data, cells = f"Tuple({', '.join(fields)})", [f"record.data.`{n}` AS `{n}`" for n, _ in names]
    cells = [f"generateUUIDv4() AS {catalog.ID}", f"record.emitted_at AS {catalog.TIME}", *cells]
    select = (f"SELECT {', '.join(cells)} FROM file('{args.input}', 'JSONEachRow', "
              f"'record Tuple(emitted_at Int64, data {data})')")
    settings = ["input_format_skip_unknown_fields = 1", "input_format_json_read_objects_as_strings = 1",
                r"format_csv_null_representation = ''", f"max_threads = {args.threads}"]
    if args.output.startswith("s3://"):
        endpoint, _, key, secret = catalog.server()
        url = f"{endpoint}/{args.output.removeprefix('s3://')}"
        settings.append("s3_truncate_on_insert = 1")
        chdb.query(f"INSERT INTO FUNCTION s3('{url}', '{key}', '{secret}', 'CSVWithNames') {select} "
                   f"SETTINGS {', '.join(settings)}")
        return
    # INTO OUTFILE formats in parallel; INSERT INTO FUNCTION file() took twice as long.
    chdb.query(f"{select} INTO OUTFILE '{args.output}' TRUNCATE FORMAT CSVWithNames SETTINGS {', '.join(settings)}")


main()
