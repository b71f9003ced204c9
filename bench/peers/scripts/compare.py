"""Compares a CSV file with the one that Sluice wrote of the same records, and prints what it
found as JSON: {"rows": number, "findings": {kind: text for people}}.

Cells are compared as text. Where that differs, numbers are compared by value, and cells of
JSON objects as parsed; all else is "wrong", as are rows too many, too few, or unknown
columns. Both files are read by Python's own csv module, which neither tool wrote."""

import argparse
import csv
import decimal
import json
import re
import sys

import catalog

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")


def read(path):
    """Returns the header and the rows of a CSV file."""
    csv.field_size_limit(sys.maxsize)
    with open(path, newline="", encoding="utf-8") as f:
        rows = list(csv.reader(f, strict=True))
    if not rows:
        return [], []
    short = [i for i, row in enumerate(rows) if len(row) != len(rows[0])]
    if short:
        raise ValueError(f"row {short[0]} has {len(rows[short[0]])} cells, the header {len(rows[0])}")
    return rows[0], rows[1:]


def number(text):
    try:
        return decimal.Decimal(text)
    except decimal.InvalidOperation:
        return None


def parsed(text):
    """The value of a JSON object or array, with its numbers exact; None for other text."""
    try:
        return json.loads(text, parse_float=decimal.Decimal) if text[:1] in "{[" and text else None
    except ValueError:
        return None


def equal(kind, got, want):
    """How two cells agree: "text", "numbers", "json", or "" for not at all."""
    if got == want:
        return "text"
    a, b = number(got), number(want)
    if kind in ("integer", "number") and a is not None and a == b:
        return "numbers"
    if kind in ("object", "array"):
        a, b = parsed(got), parsed(want)
        if a is not None and a == b:
            return "json"
    return ""


class Comparison:
    def __init__(self, kinds, only):
        self.kinds = kinds
        self.only = only
        self.findings = {}

    def find(self, kind, text):
        """Notes a finding; of each kind the first is kept, as the example."""
        self.findings.setdefault(kind, text)

    def ids(self, header, rows):
        if catalog.ID not in header:
            return self.find("no id", f"no {catalog.ID}")
        i = header.index(catalog.ID)
        ids = [row[i] for row in rows]
        bad = [text for text in ids if not UUID4.match(text)]
        if bad:
            self.find("wrong", f"{bad[0]!r} is no random UUID")
        if len(set(ids)) != len(ids):
            self.find("wrong", "an id comes twice")

    def ordered(self, got, want):
        """Returns the rows of got (dictionaries) in the order of want."""
        if not got or catalog.TIME not in got[0]:
            return got
        def time(row):
            return number(row[catalog.TIME]) or 0
        if [time(r) for r in got] == [time(r) for r in want]:
            return got
        if sorted(map(time, got)) != sorted(map(time, want)):
            return got  # other rows; the cells will show it
        self.find("order", "rows in another order")
        place = {time(r): i for i, r in enumerate(want)}
        return sorted(got, key=lambda r: place[time(r)])

    def split(self, column, got, want):
        """Compares an object with the columns that it was split into."""
        part = {name.removeprefix(column + "__"): text for name, text in got.items() if name.startswith(column + "__")}
        whole = {k: str(v) for k, v in (parsed(want[column]) or {}).items()}
        if part != whole:
            self.find("wrong", f"{column}: {part} for {whole}")

    def rows(self, header, got, want_header, want):
        if len(got) != len(want):
            self.find("wrong", f"{len(got)} rows for {len(want)}")
            return
        missing = [c for c in want_header if c not in header and c != catalog.ID]
        extra = [c for c in header if c not in want_header]
        if catalog.TIME in missing:
            missing.remove(catalog.TIME)
            self.find("no emitted_at", f"no {catalog.TIME}")
        split = [c for c in missing if any(e.startswith(c + "__") for e in extra)]
        for c in split:
            self.find("split", f"{c} split into columns")
        extra = [e for e in extra if not any(e.startswith(c + "__") for c in split)]
        missing = [c for c in missing if c not in split]
        if missing or extra:
            self.find("wrong", f"columns missing: {missing}, besides: {extra}")
        shared = [c for c in want_header if c in header and c != catalog.ID]
        if [c for c in header if c in shared] != shared:
            self.find("column order", "columns in another order")
        got, want = [dict(zip(header, r)) for r in got], [dict(zip(want_header, r)) for r in want]
        for g, w in zip(self.ordered(got, want), want):
            for c in shared if not self.only else [self.only]:
                self.cell(c, g[c], w[c])
            for c in split if not self.only else []:
                self.split(c, g, w)

    def cell(self, column, got, want):
        kind = "integer" if column == catalog.TIME else self.kinds.get(column, "object")
        how = equal(kind, got, want)
        if not how:
            self.find("wrong", f"{column}: {got!r} for {want!r}")
        elif how != "text":
            self.find(how, f"{column}: {got} for {want}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--only", metavar="COLUMN", help="compare the cells of this one")
    p.add_argument("catalog")
    p.add_argument("want")
    p.add_argument("got")
    args = p.parse_args()
    c = Comparison(dict(catalog.columns(args.catalog)), args.only)
    rows = 0
    try:
        want_header, want = read(args.want)
        header, got = read(args.got)
        rows = len(got)
        c.ids(header, got)
        c.rows(header, got, want_header, want)
    except (ValueError, csv.Error) as e:
        c.find("wrong", f"no good CSV: {e}")
    json.dump({"rows": rows, "findings": c.findings}, sys.stdout)


main()
