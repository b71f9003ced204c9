"""How people read the CSV back: straight from S3, every cell as text, null as None.

Each reader is told what it takes to keep null and the empty string apart; see README.md. How
each of them gets at S3 is here for the other formats too."""

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.fs
import s3fs

from lake import BUCKET, KEY, REGION, SECRET


def read_pyarrow(lake, stream):
    s3 = arrow_s3(lake)
    rows = []
    for file in s3.get_file_info(pyarrow.fs.FileSelector(f"{BUCKET}/{lake.path}/{stream}")):
        with s3.open_input_stream(file.path) as f:
            names = pyarrow.csv.read_csv(f, parse_options=LINES).column_names
        convert = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pyarrow.string()),
            null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False)
        with s3.open_input_stream(file.path) as f:
            rows += pyarrow.csv.read_csv(f, parse_options=LINES, convert_options=convert).to_pylist()
    return rows


LINES = pyarrow.csv.ParseOptions(newlines_in_values=True)


def read_pandas(lake, stream, **options):
    """Without options it takes the empty string for null: it does not look at quotes."""
    rows = []
    for name in lake.objects(stream):
        frame = pandas.read_csv(f"s3://{BUCKET}/{lake.path}/{stream}/{name}", dtype=str, keep_default_na=False,
                                storage_options=s3fs_options(lake), **{"na_values": [""], **options})
        rows += frame.astype(object).where(frame.notna(), None).to_dict("records")
    return rows


def read_duckdb(lake, stream):
    return query(lake, f"SELECT * FROM read_csv('{files(lake, stream)}', all_varchar=true, allow_quoted_nulls=false)")


def read_polars(lake, stream):
    frame = polars.scan_csv(files(lake, stream), storage_options=polars_options(lake), infer_schema=False).collect()
    # It leaves quotes doubled in the names of columns.
    return frame.rename(lambda name: name.replace('""', '"')).to_dicts()


def files(lake, stream):
    return f"s3://{BUCKET}/{lake.path}/{stream}/*"


def arrow_s3(lake):
    return pyarrow.fs.S3FileSystem(access_key=KEY, secret_key=SECRET, region=REGION, endpoint_override=lake.server.address, scheme="http")


def query(lake, sql, *before):
    """The rows of a query of DuckDB's."""
    con = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    con.register_filesystem(s3fs.S3FileSystem(**s3fs_options(lake)))
    for statement in ("SET TimeZone = 'UTC'", *before):
        con.execute(statement)
    result = con.sql(sql)
    return [dict(zip(result.columns, row)) for row in result.fetchall()]


def polars_options(lake):
    return {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": REGION,
            "aws_endpoint_url": lake.server.endpoint, "aws_allow_http": "true"}


def s3fs_options(lake):
    # Its list of a directory is remembered otherwise, also when a sync has changed it.
    return {"key": KEY, "secret": SECRET, "use_listings_cache": False, "skip_instance_cache": True,
            "client_kwargs": {"endpoint_url": lake.server.endpoint, "region_name": REGION}}


READERS = {"pyarrow": read_pyarrow, "pandas": read_pandas, "duckdb": read_duckdb, "polars": read_polars}

# Those that see the quotes around an empty string.
EXACT = ("pyarrow", "duckdb", "polars")
