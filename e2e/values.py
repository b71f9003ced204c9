"""Holds what a reader found in CSV cells against the values that were sent."""

import datetime
import decimal
import json

METADATA = ["_airbyte_ab_id", "_airbyte_emitted_at"]


def same(cell, value):
    """Whether a cell says a value: text as it is, numbers with all digits, JSON as parsed."""
    if value is None or cell is None:
        return cell is value
    match value:
        case bool():
            return cell == ("true" if value else "false")
        case int() | str():
            return cell == str(value)
        case float() | decimal.Decimal():
            return decimal.Decimal(cell) == decimal.Decimal(str(value))
        case datetime.datetime():
            return datetime.datetime.fromisoformat(cell) == value
        case list() | dict():
            return json.loads(cell) == value
    raise TypeError(type(value))


def check(rows, want, key, columns, blank_is_null=False):
    """Asserts that rows are these records and no others, in whatever order."""
    assert len(rows) == len(want)
    by_key = {row[key]: row for row in rows}
    assert len(by_key) == len(rows), "a row is there twice"
    for record in want:
        row = by_key[str(record[key])]
        assert list(row) == METADATA + list(columns)
        for column in columns:
            value = record.get(column)
            if blank_is_null and value == "":
                value = None
            assert same(row[column], value), f"{column} of {record[key]}: the cell is {row[column]!r}, the value {value!r}"
