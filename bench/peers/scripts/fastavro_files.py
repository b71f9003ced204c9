"""Writes the records of a file of Airbyte messages as Avro with fastavro and orjson."""

import argparse
import datetime
import uuid

import fastavro
import orjson

import catalog

KINDS = {"integer": "long", "number": "double", "boolean": "boolean", "date": {"type": "int", "logicalType": "date"}, "string": "string"}

# Numbers of days and milliseconds are written as they are. The day of a text is looked up: there are fewer days than rows.
EPOCH = datetime.date(1970, 1, 1).toordinal()


def record(name, fields):
    return {"type": "record", "name": name, "fields": [
        {"name": n, "type": ["null", record(n, kind) if isinstance(kind, dict) else KINDS[kind]]} for n, kind in fields.items()]}


def rows(path, dates):
    days = {None: None}
    with open(path, "rb") as f:
        for line in f:
            message = orjson.loads(line)["record"]
            row = message["data"]
            row[catalog.ID], row[catalog.TIME] = str(uuid.uuid4()), message["emitted_at"]
            for name in dates:
                text = row.get(name)
                if text not in days:
                    days[text] = datetime.date.fromisoformat(text).toordinal() - EPOCH
                row[name] = days[text]
            yield row


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--codec", default="null")
    p.add_argument("catalog")
    p.add_argument("input")
    p.add_argument("output")
    args = p.parse_args()
    fields = catalog.fields(args.catalog)
    schema = record("lineitem", fields)
    schema["fields"][:0] = [{"name": catalog.ID, "type": "string"}, {"name": catalog.TIME, "type": {"type": "long", "logicalType": "timestamp-millis"}}]
    with open(args.output, "wb") as out:
        fastavro.writer(out, schema, rows(args.input, [n for n, kind in fields.items() if kind == "date"]), codec=args.codec)


main()
