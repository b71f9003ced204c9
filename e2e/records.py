"""The records that all formats must keep, with what is in a typed column of each value.

A case is a value as the source writes it, its JSON text, beside what Avro and Parquet have of it. It is
written down by hand, so that no second converter has to be right. CSV and JSONL pass the text through."""

import dataclasses
import datetime
import json
import random
import re
from datetime import date, time
from decimal import Decimal

MISSING = None  # instead of a text: the record lacks the key

# What a typed column does to a value that it can't hold, as (change, reason) in _airbyte_meta.changes.
WRONG = "NULLED", "DESTINATION_SERIALIZATION_ERROR"
LARGE = "NULLED", "DESTINATION_FIELD_SIZE_LIMITATION"
CUT = "TRUNCATED", "DESTINATION_FIELD_SIZE_LIMITATION"


@dataclasses.dataclass(frozen=True)
class Case:
    text: str | None
    typed: object = None
    changes: tuple = ()  # of (path, (change, reason))


@dataclasses.dataclass(frozen=True)
class Member:
    """A value in a column of several types: which of them it took."""
    kind: str
    value: object


@dataclasses.dataclass(frozen=True)
class Field:
    name: str
    schema: dict
    cases: list


@dataclasses.dataclass(frozen=True)
class Stream:
    name: str
    fields: list

    @property
    def schema(self):
        return {"type": "object", "properties": {f.name: f.schema for f in self.fields}}

    @property
    def columns(self):
        return [f.name for f in self.fields]


@dataclasses.dataclass(frozen=True)
class Record:
    key: int  # is also its field id
    emitted_at: int
    cases: dict  # by name, all declared fields
    undeclared: dict  # JSON texts by name
    changes: list  # of the source's own

    @property
    def texts(self):
        """The JSON text of each member that the record has."""
        cases = {name: case.text for name, case in self.cases.items() if case.text is not None}
        return cases | self.undeclared

    @property
    def data(self):
        return "{" + ",".join(json.dumps(name) + ":" + text for name, text in self.texts.items()) + "}"

    def message(self, stream):
        meta = f',"meta":{json.dumps({"changes": self.changes}, separators=(",", ":"))}' if self.changes else ""
        line = f'{{"type":"RECORD","record":{{"stream":"{stream}","emitted_at":{self.emitted_at}{meta},"data":{self.data}}}}}\n'
        return line.encode("utf-8", "surrogateescape")


def fields(*groups):
    return [Field(name, schema, [Case(None), Case("null"), *cases]) for name, schema, cases in groups]


def same(*texts):
    """Texts whose JSON value is what the column has."""
    return [Case(text, json.loads(text)) for text in texts]


def digits(*texts):
    return [Case(text, Decimal(text)) for text in texts]


def raw(*texts):
    """Texts that a column of JSON text has as they are."""
    return [Case(text, text) for text in texts]


def wrong(path, *texts):
    return [Case(text, None, ((path, WRONG),)) for text in texts]


def large(path, *texts):
    return [Case(text, None, ((path, LARGE),)) for text in texts]


def cut(path, text, typed):
    return Case(text, typed, ((path, CUT),))


def utc(*fields):
    return datetime.datetime(*fields, tzinfo=datetime.timezone.utc)


def local(*fields):
    return datetime.datetime(*fields)


def nullable(kind, **more):
    return {"type": ["null", kind], **more}


STRING, INTEGER, NUMBER, BOOLEAN = map(nullable, ("string", "integer", "number", "boolean"))
DATE = nullable("string", format="date")
INSTANT = nullable("string", format="date-time", airbyte_type="timestamp_with_timezone")
LOCAL = nullable("string", format="date-time", airbyte_type="timestamp_without_timezone")
OPENS = nullable("string", format="time", airbyte_type="time_with_timezone")
CLOSES = nullable("string", format="time", airbyte_type="time_without_timezone")
PHOTO = nullable("string", contentEncoding="base64")
CUSTOMER = nullable("object", properties={"name": STRING, "born": DATE, "balance": NUMBER, "address": nullable("object", properties={"zip": INTEGER})})
LABELS = nullable("object", properties={"a": STRING}, additionalProperties=True)
SCORES = nullable("array", items=INTEGER)
LINES = nullable("array", items=nullable("object", properties={"sku": STRING, "price": NUMBER, "tags": nullable("array", items=STRING)}))
GRID = nullable("array", items=nullable("array", items=NUMBER))
REST = "_airbyte_additional_properties"


class Struct(dict):
    """A record in a column, with the text of its undeclared members, which are kept or not."""

    def __init__(self, members, rest=None):
        super().__init__(members)
        self.rest = rest


def customer(name=None, born=None, balance=None, address=None, rest=None):
    return Struct({"name": name, "born": born, "balance": balance, "address": address}, rest)


def line(sku=None, price=None, tags=None):
    return Struct({"sku": sku, "price": price, "tags": tags})


def drawn(seed):
    """More values, drawn from a seed: a typed value is drawn, and its text follows."""
    rng = random.Random(seed)
    letters = "abc ,;\t\n\r\"'\\/|\x00\x1f\x7f\u00e4\u2028\u20ac\U0001f600N0-+#"
    found = {"whole": [], "amount": [], "born": [], "seen_at": [], "text": []}
    for _ in range(40):
        whole = rng.randint(-(2**63), 2**63 - 1) >> rng.randrange(63)
        found["whole"].append(Case(str(whole), whole))
        amount = f"{rng.choice(('', '-'))}{rng.randrange(10 ** rng.randint(1, 20))}.{rng.randrange(10**18):018d}"
        found["amount"].append(Case(amount, Decimal(amount)))
        day = date(1, 1, 1) + datetime.timedelta(rng.randrange(3_652_059))
        found["born"].append(Case(f'"{day.isoformat()}"', day))
        moment = utc(1900, 1, 1) + datetime.timedelta(microseconds=rng.randrange(2**53))
        found["seen_at"].append(Case(f'"{moment.isoformat().replace("+00:00", "Z")}"', moment))
        text = "".join(rng.choices(letters, k=rng.randrange(40))).replace("\x00", "")
        found["text"].append(Case(json.dumps(text, ensure_ascii=rng.random() < 0.5), text))
    return found


DRAWN = drawn(1)

# Each value is of its column's type, and each column is of one JSON type.
PLAIN = Stream("plain", fields(
    ("id", INTEGER, []),
    ("text", STRING, same(
        '""', '" "', '"a"', r'"quotes \" and \"\" and \\"', r'"line\nends\r\nof\rall kinds\n"', '"commas,; and\\ttabs"', '"NULL"', '"null"', '"NaN"',
        '"\\\\N"', '"true"', '"1"', '"007"', '"=1+1"', '"Grüße, こんにちは, 😀, e\u0301"', r'"Gr\u00fc\u00dfe \ud83d\ude00"', '"\u2028\u2029\u0085\ufeff"',
        r'"\u0001\u001f\b\f\/"', '"{\\"a\\":1}"', "\"it's\"", '"' + "long " * 2000 + '"') + DRAWN["text"]),
    ("flag", BOOLEAN, same("true", "false")),
    ("whole", INTEGER, same("0", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808", "2147483648") + DRAWN["whole"]),
    ("amount", NUMBER, digits(
        "0", "-0.0", "0.1", "-1.10", "1e3", "1E-7", "50000.0000000000000001", "0.000000000000000001", "9007199254740993",
        "99999999999999999999.999999999999999999", "-99999999999999999999.999999999999999999", "1e19", "1.0e+2") + DRAWN["amount"]),
    ("born", DATE, [Case(f'"{d}"', date.fromisoformat(d)) for d in (
        "1970-01-01", "1969-12-31", "2024-02-29", "1900-03-01", "1582-10-10", "0001-01-01", "9999-12-31")] + DRAWN["born"]),
    ("seen_at", INSTANT, [
        Case('"2024-01-01T12:30:00Z"', utc(2024, 1, 1, 12, 30)), Case('"2024-01-01T12:30:00.5Z"', utc(2024, 1, 1, 12, 30, 0, 500000)),
        Case('"2024-01-01T00:30:00+02:00"', utc(2023, 12, 31, 22, 30)), Case('"2024-01-01T00:30:00-0930"', utc(2024, 1, 1, 10)),
        Case('"2024-01-01T12:30:00+01"', utc(2024, 1, 1, 11, 30)), Case('"2024-01-01 12:30:00"', utc(2024, 1, 1, 12, 30)),
        Case('"1969-12-31T23:59:59.999999Z"', utc(1969, 12, 31, 23, 59, 59, 999999)), Case('"0001-01-01T00:00:00Z"', utc(1, 1, 1)),
        Case('"9999-12-31T23:59:59.999999Z"', utc(9999, 12, 31, 23, 59, 59, 999999))] + DRAWN["seen_at"]),
    ("seen_there", LOCAL, [
        Case('"2024-01-01T12:30:00"', local(2024, 1, 1, 12, 30)), Case('"2024-03-31 02:30:00.000001"', local(2024, 3, 31, 2, 30, 0, 1)),
        Case('"1969-12-31T23:59:59.999"', local(1969, 12, 31, 23, 59, 59, 999000)), Case('"0001-01-01T00:00:00"', local(1, 1, 1))]),
    ("opens", OPENS, [
        Case('"09:00:00Z"', time(9)), Case('"09:00:00.123456Z"', time(9, 0, 0, 123456)), Case('"09:00:00+02:00"', time(7)), Case('"00:00:00Z"', time(0))]),
    ("closes", CLOSES, [Case('"23:59:59.999999"', time(23, 59, 59, 999999)), Case('"18:30:00"', time(18, 30)), Case('"00:00:00"', time(0))]),
    ("photo", PHOTO, [Case('"aGVsbG8="', b"hello"), Case('""', b""), Case('"AP8="', b"\0\xff"), Case('"+/+/"', b"\xfb\xff\xbf")]),
    ("customer", CUSTOMER, [
        Case('{"name":"Ann","born":"1990-05-01","balance":-1.10,"address":{"zip":8001}}',
             customer("Ann", date(1990, 5, 1), Decimal("-1.10"), Struct({"zip": 8001}))),
        Case('{"address":{},"name":""}', customer("", address=Struct({"zip": None}))),
        Case('{"name":"quote \\" and \\n","nick":"undeclared","balance":0.000000000000000001}',
             customer('quote " and \n', balance=Decimal("1e-18"), rest='{"nick":"undeclared"}')),
        Case('{"name":null,"address":null}', customer()), Case("{}", customer())]),
    ("labels", LABELS, [
        Case('{"a":"x","b":1.10,"c":{"d":[null]}}', {"a": "x", REST: '{"b":1.10,"c":{"d":[null]}}'}),
        Case('{"a":"x"}', {"a": "x", REST: None}), Case("{}", {"a": None, REST: None})]),
    ("scores", SCORES, same("[1,null,-9223372036854775808]", "[]", "[null]", "[1,2,3,4,5,6,7,8,9]")),
    ("lines", LINES, [
        Case('[{"sku":"a","price":1.10,"tags":["x",null,""]},{"sku":"b"}]', [line("a", Decimal("1.10"), ["x", None, ""]), line("b")]),
        Case("[]", []), Case("[null,{}]", [None, line()]), Case('[{"tags":[]}]', [line(tags=[])])]),
    ("grid", GRID, [
        Case("[[1,2.5],[],null,[null]]", [[Decimal(1), Decimal("2.5")], [], None, [None]]), Case("[]", []), Case("[[0.1]]", [[Decimal("0.1")]])]),
    ("name with, \"signs\" ü", STRING, same('"x"')),
    ("1st", INTEGER, same("1")),
))

# Columns without one JSON type: unions, and what no schema describes.
MIXED = Stream("mixed", fields(
    ("id", INTEGER, []),
    ("either", {"type": ["null", "integer", "string"]}, [
        Case("1", Member("integer", 1)), Case('"1"', Member("string", "1")), Case('""', Member("string", "")),
        Case("9223372036854775807", Member("integer", 2**63 - 1)), Case('"a \\"b\\""', Member("string", 'a "b"'))]),
    ("one_of", {"oneOf": [{"type": "boolean"}, {"type": "object", "properties": {"a": INTEGER}}, {"type": "null"}]}, [
        Case("true", Member("boolean", True)), Case('{"a":1}', Member("object", Struct({"a": 1}))), Case("{}", Member("object", Struct({"a": None}))),
        Case("false", Member("boolean", False))]),
    ("several", nullable("array", items={"type": ["null", "integer", "string"]}), [
        Case('[1,"a",null]', [Member("integer", 1), Member("string", "a"), None]), Case("[]", [])]),
    ("number", {"type": ["null", "integer", "number"]}, digits("1", "1.5", "0.10")),
    ("anything", {}, raw('"text"', "1.10", "true", '{"a":[1,null,{"b":1e400}]}', "[]", '[1,"a"]', "12345678901234567890123456789012")),
    ("unknown", {"type": "whatever"}, raw('"foo"', "1", "{}")),
    ("bag", nullable("object"), raw('{"b":1.10,"a":"x\\ny"}', "{}", '{"ü":null}')),
    ("list", nullable("array"), raw('[1,"a",{"b":null}]', "[]")),
))

# Values that are not what their column says. Typed columns read what they can, and lose the rest.
ODD = Stream("odd", fields(
    ("id", INTEGER, []),
    ("text", STRING, [
        Case("12", "12"), Case("1.10", "1.10"), Case("true", "true"), Case('{"a":[1.0,null]}', '{"a":[1.0,null]}'), Case("[]", "[]"),
        Case('"half \\ud800 a pair"', "half \ufffd a pair"), Case('"no UTF-8: \udcff."', "no UTF-8: \ufffd.")]),
    ("flag", BOOLEAN, [Case('"true"', True), Case('"false"', False)] + wrong("flag", '"yes"', "1", '""', "{}")),
    ("whole", INTEGER, [Case('"12"', 12), Case("1e3", 1000), Case("10.0", 10)] + wrong("whole", "10.5", '"foo"', "true", "{}", "[1]", '""')
     + large("whole", "9223372036854775808", "-9223372036854775809", "99999999999999999999999999999999")),
    ("amount", NUMBER, [Case('"1.5"', Decimal("1.5"))] + wrong("amount", '"foo"', "true", '"NaN"', "[]", '""') + large(
        "amount", "100000000000000000000", "1e400", "-1e21") + [
        cut("amount", "0.1234567890123456785", Decimal("0.123456789012345678")), cut("amount", "0.1234567890123456775", Decimal("0.123456789012345678")),
        cut("amount", "-2.5e-18", Decimal("-2e-18")), cut("amount", "1e-400", Decimal(0))]),
    ("born", DATE, [Case('"2024-01-01T00:00:00Z"', date(2024, 1, 1)), Case('"2024-01-01 00:00:00"', date(2024, 1, 1)),
     cut("born", '"2024-01-01T10:00:00Z"', date(2024, 1, 1))] + wrong("born", '"2024-02-30"', '"yesterday"', "20240101", '""', "{}")),
    ("seen_at", INSTANT, [Case('"2024-01-01"', utc(2024, 1, 1)), cut("seen_at", '"2024-01-01T00:00:00.1234567Z"', utc(2024, 1, 1, 0, 0, 0, 123456))]
     + wrong("seen_at", '"now"', "1704067200", '"2024-01-01T25:00:00Z"', '""', "[]")),
    ("seen_there", LOCAL, [Case('"2024-01-01T12:00:00+02:00"', local(2024, 1, 1, 12)), Case('"2024-01-01"', local(2024, 1, 1))] + wrong("seen_there", '"then"')),
    ("opens", OPENS, wrong("opens", '"25:00:00Z"', '"noon"', "9")),
    ("photo", PHOTO, wrong("photo", '"no base64!"', "12")),
    ("customer", CUSTOMER, wrong("customer", '"Ann"', "[]", "1") + [
        Case('{"name":1,"born":"x","balance":1}', customer("1", balance=Decimal(1)), (("customer.born", WRONG),)),
        Case('{"address":{"zip":9223372036854775808}}', customer(address=Struct({"zip": None})), (("customer.address.zip", LARGE),))]),
    ("scores", SCORES, wrong("scores", '"x"', "{}")),
    ("either", {"type": ["null", "integer", "boolean"]}, wrong("either", "1.5", '"x"', "{}") + [Case("1", Member("integer", 1))]),
))

# What some records have besides.
UNDECLARED = {"extra": STRING, 'more, "so"': nullable("object", properties={"n": NUMBER, "t": STRING})}

STREAMS = {stream.name: stream for stream in (PLAIN, MIXED, ODD)}
GENERATION, SYNC = 7, 42
EMITTED = 1_700_000_000_000


def records(stream, count=0):
    """As many, or enough that each case of each field comes. Fields turn at different speeds, so that they meet."""
    found = []
    for i in range(count or max(len(f.cases) for f in stream.fields) + 3):
        cases = {f.name: f.cases[(i + n) % len(f.cases)] for n, f in enumerate(stream.fields)}
        cases["id"] = Case(str(i + 1), i + 1)
        undeclared = {"extra": json.dumps(f"e{i}"), "more, \"so\"": '{"n":1.10,"t":"x"}'} if i % 3 == 1 else {}
        changes = [{"field": "elsewhere", "change": "NULLED", "reason": "SOURCE_FIELD_SIZE_LIMITATION"}] if i % 5 == 2 else []
        found.append(Record(i + 1, EMITTED + i, cases, undeclared, changes))
    return found


RECORDS = {name: records(stream) for name, stream in STREAMS.items()}
MANY = {"plain": records(PLAIN, 5000)}


def messages(records):
    """All of them, and what a platform sends to end each stream."""
    lines = [record.message(name) for name, found in records.items() for record in found]
    for name in STREAMS:
        status = {"stream_descriptor": {"name": name}, "status": "COMPLETE"}
        lines.append(json.dumps({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": status}}).encode() + b"\n")
    return b"".join(lines)


def catalog():
    return {"streams": [{
        "stream": {"name": s.name, "json_schema": s.schema}, "sync_mode": "full_refresh", "destination_sync_mode": "append",
        "generation_id": GENERATION, "minimum_generation_id": 0, "sync_id": SYNC} for s in STREAMS.values()]}


def plain_text(text):
    """The text of a JSON string: what is half a pair, or no UTF-8 (surrogateescape), is U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", json.loads(text))
