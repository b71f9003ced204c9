"""How people read Parquet and Avro back: typed columns, as the values that each library makes of them."""

import datetime
import importlib.resources
import io
import warnings
from decimal import Decimal

import avro.datafile
import avro.io
import duckdb
import fastavro
import pandas
import polars
import pyarrow
import pyarrow.parquet

from formats import View
from lake import BUCKET
from readers import arrow_s3, files, polars_options, query, s3fs_options

ALL = ("plain", "mixed", "odd")
NO_UNIONS = ("plain",)


def bodies(lake, stream):
    """The objects of a stream, as files."""
    for name in lake.objects(stream):
        key = f"{lake.path}/{stream}/{name}"
        yield io.BytesIO(lake.server.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def parquet_pyarrow(lake, stream, layout):
    return pyarrow.parquet.read_table(f"{BUCKET}/{lake.path}/{stream}", filesystem=arrow_s3(lake)).to_pylist()


def parquet_pandas(lake, stream, layout):
    """With Arrow's types: NumPy's make floats of integers beside a null."""
    frame = pandas.read_parquet(f"s3://{BUCKET}/{lake.path}/{stream}", dtype_backend="pyarrow", storage_options=s3fs_options(lake))
    return pyarrow.Table.from_pandas(frame, preserve_index=False).to_pylist()


def parquet_duckdb(lake, stream, layout):
    return query(lake, f"SELECT * FROM read_parquet('{files(lake, stream)}')")


def parquet_polars(lake, stream, layout):
    return polars.scan_parquet(files(lake, stream), storage_options=polars_options(lake)).collect().to_dicts()


def avro_fastavro(lake, stream, layout):
    return [row for body in bodies(lake, stream) for row in fastavro.reader(body)]


def avro_apache(lake, stream, layout):
    """Apache's own library for Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it does not know timestamps without zone, and gives their microseconds
        rows = [row for body in bodies(lake, stream) for row in avro.datafile.DataFileReader(body, avro.io.DatumReader())]
    return [dict(row, **{n: walls(row[n]) for n in ("seen_there",) if n in row}) for row in rows]


def avro_polars(lake, stream, layout):
    return [row for body in bodies(lake, stream) for row in polars.read_avro(body).to_dicts()]


def avro_duckdb(lake, stream, layout):
    """It knows no logical types: numbers of days, microseconds and the bytes of decimals are left to whoever reads."""
    files = importlib.resources.files("duckdb_extension_avro") / "extensions" / f"v{duckdb.__version__}" / "avro.duckdb_extension"
    rows = query(lake, f"SELECT * FROM read_avro('s3://{BUCKET}/{lake.path}/{stream}/*')", f"LOAD '{files}'")
    return [{name: LOGICAL.get(name, decimals)(value) for name, value in row.items()} for row in rows]


def days(value):
    return None if value is None else datetime.date(1970, 1, 1) + datetime.timedelta(value)


def walls(value):
    return None if value is None else datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=value)


def moments(value):
    return None if value is None else walls(value).replace(tzinfo=datetime.timezone.utc)


def times(value):
    return None if value is None else walls(value).time()


def decimals(value):
    """Of the bytes that records.py has, only decimals are 16 long."""
    match value:
        case bytes() if len(value) == 16:
            return Decimal(f"{int.from_bytes(value, signed=True)}e-18")
        case list():
            return [decimals(v) for v in value]
        case dict():
            return {k: (days if k == "born" else decimals)(v) for k, v in value.items()}
    return value


LOGICAL = {
    "_airbyte_emitted_at": lambda v: moments(v * 1000), "_airbyte_extracted_at": lambda v: moments(v * 1000),
    "born": days, "seen_at": moments, "seen_there": walls, "opens": times, "closes": times,
}

# What is read by whom, of what it knows the codecs, and how it is compared.
PARQUET = {
    "pyarrow": (parquet_pyarrow, View(absent=True, union="record"), ALL),
    "pandas": (parquet_pandas, View(absent=True, union="record"), ALL),
    "duckdb": (parquet_duckdb, View(absent=True, union="record"), ALL),
    "polars": (parquet_polars, View(absent=True, union="record"), ALL),
}
AVRO = {
    "fastavro": (avro_fastavro, View(), ALL),
    "avro": (avro_apache, View(), ALL),
    "duckdb": (avro_duckdb, View(), ALL),
    "polars": (avro_polars, View(), NO_UNIONS),
}
AVRO_CODECS = {
    "avro": ("no compression", "Deflate", "bzip2", "zstandard"),
    "duckdb": ("no compression", "Deflate", "snappy"),
    "polars": ("no compression", "Deflate", "snappy"),
}
