"""The matrix: what can be configured of each format, and what its files must have of a record."""

import dataclasses
import datetime
import itertools
import json
import re
from decimal import Decimal

from records import GENERATION, REST, SYNC, Member, Struct, plain_text

# Formats that Sluice does not write yet: their tests are skipped.
PENDING = set()

V1 = ["_airbyte_ab_id", "_airbyte_emitted_at"]
V2 = ["_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id"]
DATA = "_airbyte_data"


@dataclasses.dataclass(frozen=True)
class Layout:
    """One way to write the records."""
    format: str
    codec: str
    flat: bool
    metadata: str
    keep: bool  # undeclared fields

    def __str__(self):
        return "-".join([self.format.lower(), self.codec.lower().replace(" ", "-"), "flat" if self.flat else "nested", self.metadata]
                        + ["keep"] * self.keep)

    @property
    def config(self):
        """Sluice's config of it."""
        format = {"format_type": self.format}
        match self.format:
            case "CSV" | "JSONL":
                format["flattening"] = "Root level flattening" if self.flat else "No flattening"
                format["compression"] = {"compression_type": self.codec}
            case "Avro":
                format["compression_codec"] = {"codec": self.codec}
            case "Parquet":
                format["compression_codec"] = self.codec
        if self.flat:
            format["undeclared_fields"] = "keep" if self.keep else "drop"
        return {"format": format, "metadata_columns": self.metadata}

    @property
    def extension(self):
        packed = {"GZIP": ".gz", "ZSTD": ".zst"}.get(self.codec, "") if self.format in ("CSV", "JSONL") else ""
        return "." + self.format.lower() + packed


CODECS = {
    "CSV": ["No Compression", "GZIP", "ZSTD"],
    "JSONL": ["No Compression", "GZIP", "ZSTD"],
    "Avro": ["no compression", "Deflate", "bzip2", "xz", "zstandard", "snappy"],
    "Parquet": ["UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "LZ4", "ZSTD"],  # LZO is refused
}


def layouts():
    """Format x compression x flattening x metadata_columns x undeclared_fields."""
    for format, codecs in CODECS.items():
        # Unflattened records keep all that they have; Avro and Parquet have no other way than columns.
        ways = [(False, False), (True, False), (True, True)] if format in ("CSV", "JSONL") else [(True, False), (True, True)]
        for codec, (flat, keep), metadata in itertools.product(codecs, ways, ("v1", "v2")):
            yield Layout(format, codec, flat, metadata, keep)


@dataclasses.dataclass(frozen=True)
class Digits:
    """A number as its JSON text."""
    text: str


def exact(text):
    """A JSON text as Python's values, numbers with the digits that came."""
    return json.loads(text, parse_int=Digits, parse_float=Digits)


def column(layout, name):
    """The name of a column. Avro's have letters, digits and _ only."""
    if layout.format != "Avro":
        return name
    name = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return "_" + name if name[0].isdigit() else name


def expected(layout, stream, record):
    """The row of a record: names and values. The id is the one that nobody can know."""
    names = V2 if layout.metadata == "v2" else V1
    row = dict(zip(names, [None, *metadata(layout, record)]))
    return row | {column(layout, name): value for name, value in cells(layout, stream, record).items()}


def metadata(layout, record):
    """The metadata columns behind the id."""
    changes = list(record.changes)
    if layout.format in ("Avro", "Parquet"):
        emitted = datetime.datetime.fromtimestamp(record.emitted_at / 1000, datetime.timezone.utc)
        for path, (change, reason) in itertools.chain.from_iterable(c.changes for c in record.cases.values()):
            changes.append({"field": path, "change": change, "reason": reason})
        return emitted, {"sync_id": SYNC, "changes": changes}, GENERATION
    if layout.format == "JSONL":
        return [exact(json.dumps(value)) for value in (record.emitted_at, {"sync_id": SYNC, "changes": changes}, GENERATION)]
    meta = json.dumps({"sync_id": SYNC, "changes": changes}, separators=(",", ":"))
    return str(record.emitted_at), meta, str(GENERATION)


def cells(layout, stream, record):
    """The columns of the source."""
    rest = "{" + ",".join(json.dumps(name) + ":" + text for name, text in record.undeclared.items()) + "}" if record.undeclared else None
    if layout.format in ("Avro", "Parquet"):
        row = {name: record.cases[name].typed for name in stream.columns}
        return kept(row) | {REST: rest} if layout.keep else row
    if layout.format == "JSONL":
        if not layout.flat:
            return {DATA: exact(record.data)}
        texts = {n: t for n, t in record.texts.items() if layout.keep or n in record.cases}
        return {name: exact(text) for name, text in texts.items()}
    if not layout.flat:
        return {DATA: re.sub("[\udc80-\udcff]", "\ufffd", record.data)}
    row = {name: cell(record.cases[name].text) for name in stream.columns}
    return row | {REST: rest} if layout.keep else row


def kept(value):
    """A typed value with the undeclared members of all records in it."""
    match value:
        case Member(kind, member):
            return Member(kind, kept(member))
        case list():
            return [kept(v) for v in value]
        case Struct():
            return {n: kept(v) for n, v in value.items()} | {REST: value.rest}
        case dict():
            return {n: kept(v) for n, v in value.items()}
    return value


def cell(text):
    """A value in CSV: strings are their text, null is nothing, all else is as it came."""
    if text is None or text == "null":
        return None
    return plain_text(text) if text.startswith('"') else text


@dataclasses.dataclass(frozen=True)
class View:
    """What a reader is known to change, and so what is compared."""
    numbers: str = "value"  # "text": each digit; "value": exact; "double": as a float has them
    absent: bool = False  # null and a missing member are one
    union: str = "value"  # "record": a value of a union is a record of all its types, all but one null


def normal(value, view):
    """Brings a value into the one form in which values are compared, whatever a library made of it."""
    match value:
        case None | bool() | bytes():
            return value
        case Digits():
            return value if view.numbers == "text" else normal(Decimal(value.text), view)
        case int() | float() | Decimal():
            # A float that is no number is pandas' null; none of the values is one.
            return None if value != value else float(value) if view.numbers == "double" else Decimal(value)
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        case datetime.datetime():
            epoch = datetime.datetime(1970, 1, 1, tzinfo=value.tzinfo and datetime.timezone.utc)
            return "local" if value.tzinfo is None else "UTC", (value - epoch) // datetime.timedelta(microseconds=1)
        case datetime.date():
            return "date", value.toordinal()
        case datetime.time():
            return "time", value.replace(tzinfo=None).isoformat()  # of times with zone all are UTC
        case bytearray() | memoryview():
            return bytes(value)
        case list() | tuple():
            return [normal(v, view) for v in value]
        case dict():
            members = {k: normal(v, view) for k, v in value.items()}
            return {k: v for k, v in members.items() if v is not None} if view.absent else members
        case Member(kind, member):
            return normal(member, view) if view.union == "value" else {"type": kind, kind: normal(member, view)}
    raise TypeError(f"{type(value)}: {value!r}")
