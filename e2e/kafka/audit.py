"""Reads all of a round's topics from Kafka and all of its objects through S3, and compares them.

It shares no code with Sluice: librdkafka, boto3 and the csv, gzip and json of Python. Its only argument
is the journal of the harness; what it finds goes to stdout as JSON.
"""

import base64
import collections
import csv
import gzip
import io
import json
import re
import sys
import uuid

import boto3
from confluent_kafka import Consumer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

csv.field_size_limit(1 << 30)
DEAD = "_sluice_dead_letters"
STREAMS = {"users": "users", "public/orders": "orders"}  # by directory
NAME = re.compile(r"(.+)_([0-9a-f]{8})_(\d{5})_(\d{20})\.(csv(?:\.gz|\.zst)?|jsonl)")


class Findings:
    """Counts what is wrong, and keeps some words about the first of each kind."""

    def __init__(self):
        self.counts = collections.Counter()
        self.what = []

    def bad(self, kind, text):
        self.counts[kind] += 1
        if self.counts[kind] <= 3:
            self.what.append(f"{kind}: {text}")


def topic_ids(brokers, topics):
    admin = AdminClient({"bootstrap.servers": brokers})
    described = admin.describe_topics(TopicCollection(topics), request_timeout=30)
    ids = {}
    for name, future in described.items():
        text = str(future.result().topic_id)
        ids[name] = uuid.UUID(bytes=base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return ids


def messages(brokers, topics):
    """All messages, up to the end that the topics have now."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "audit-" + uuid.uuid4().hex, "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": False})
    left, ends = {}, []
    for topic in topics:
        for partition in consumer.list_topics(topic, timeout=30).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            if high > low:
                left[topic, partition] = high
                ends.append(TopicPartition(topic, partition, low))
    consumer.assign(ends)
    while left:
        got = consumer.consume(5000, timeout=30)
        if not got:
            raise SystemExit(f"Kafka gave nothing for 30 s; missing: {left}")
        for m in got:
            if m.error():
                raise SystemExit(str(m.error()))
            yield m
            if m.offset() + 1 >= left.get((m.topic(), m.partition()), 1 << 62):
                del left[m.topic(), m.partition()]
    consumer.close()


def is_barrier(message):
    return any(name == "airbyte-barrier" for name, _ in message.headers() or [])


def record(value):
    """Who has sent a record, or None for what is no row: stream, source, number."""
    try:
        m = json.loads(value)
        if "_airbyte_data" in m:
            stream, data, own = m["_airbyte_stream"], m["_airbyte_data"], m["_airbyte_ab_id"]
        else:
            stream, data, own = m["record"]["stream"], m["record"]["data"], None
        if stream not in STREAMS.values():
            return None
        return (stream, data["front"], data["seq"]), own
    except (TypeError, ValueError, KeyError, LookupError):
        return None


def objects(j):
    """Each object: key, metadata, bytes."""
    s3 = boto3.client("s3", endpoint_url=j["endpoint"], region_name=j["region"],
                      aws_access_key_id=j["access_key"], aws_secret_access_key=j["secret_key"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=j["bucket"]):
        for listed in page.get("Contents", []):
            got = s3.get_object(Bucket=j["bucket"], Key=listed["Key"])
            yield listed["Key"], got["Metadata"], got["Body"].read()


class Audit:
    def __init__(self, journal):
        self.j = journal
        self.found = Findings()
        self.expected = {}  # what identifies a row -> (topic, partition, offset)
        self.poison = set()  # places of what is no row
        self.sent = collections.defaultdict(set)  # (source, stream) -> numbers in Kafka
        self.twice = 0
        self.place_of = {}
        self.keys = collections.defaultdict(list)  # identity -> keys of the objects it is in
        self.row_keys = collections.defaultdict(set)  # (source, stream, number) -> keys
        self.ranges = collections.defaultdict(dict)  # (topic, partition) -> first offset -> offsets of rows
        self.rows = 0

    def read_kafka(self):
        ids = topic_ids(self.j["brokers"], self.j["topics"])
        self.ids = ids
        for m in messages(self.j["brokers"], self.j["topics"]):
            place = (m.topic(), m.partition(), m.offset())
            if is_barrier(m):
                continue
            got = record(m.value())
            if got is None:
                self.poison.add(place)
                continue
            (stream, source, number), own = got
            if self.j["identity"] == "offset":
                identity = str(uuid.uuid5(ids[m.topic()], f"{m.partition()}/{m.offset()}"))
            elif self.j["identity"] == "uuid":
                identity = own
            else:
                identity = (stream, source, number)
            if identity in self.expected or number in self.sent[source, stream]:
                self.found.bad("doubled", f"{stream} {source} {number} is in Kafka twice, at {place} too")
            self.expected[identity] = place
            self.sent[source, stream].add(number)

    def read_objects(self):
        letters = collections.Counter()
        for key, metadata, data in objects(self.j):
            if f"/{DEAD}/" in key:
                for line in data.decode().splitlines():
                    letter = json.loads(line)
                    letters[letter["topic"], letter["partition"], letter["offset"]] += 1
            else:
                self.read_rows(key, metadata, data)
        for place in self.poison | set(letters):
            if letters[place] != 1 or place not in self.poison:
                self.found.bad("bad_dead_letters", f"{place} is {letters[place]} times among the dead letters, no row: {place in self.poison}")

    def read_rows(self, key, metadata, data):
        if key.endswith(".gz"):
            data = gzip.decompress(data)
        reader = csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True)
        stream = next(name for end, name in STREAMS.items() if key.rsplit("/", 1)[0].endswith("/" + end))
        places = []
        for row in reader:
            self.rows += 1
            who = (stream, row["front"], int(row["seq"]))
            identity = who if self.j["identity"] == "content" else row.get("_airbyte_ab_id") or row.get("_airbyte_raw_id")
            if identity not in self.expected:
                self.found.bad("alien", f"the row {identity} in {key} is of no record")
                continue
            self.keys[identity].append(key)
            self.row_keys[row["front"], stream, int(row["seq"])].add(key)
            places.append(self.expected[identity])
        if self.j["identity"] != "content":
            self.check_name(key, metadata, places)

    def check_name(self, key, metadata, places):
        """An object's name says where it begins, and its metadata what it has."""
        name = NAME.fullmatch(key.rsplit("/", 1)[1])
        if not name:
            self.found.bad("overlaps", f"the name {key} is none of ours")
            return
        topic, short, partition, first = name[1], name[2], int(name[3]), int(name[4])
        said = {"kafka-topic": topic, "kafka-partition": str(partition), "kafka-first-offset": str(first), "kafka-topic-id": str(self.ids.get(topic))}
        if self.ids.get(topic) is None or self.ids[topic].hex[:8] != short:
            self.found.bad("overlaps", f"{key} is of no topic that is there")
            return
        for header, want in said.items():
            if metadata.get(header, "").replace("-", "") != want.replace("-", ""):
                self.found.bad("overlaps", f"{key} has the metadata {header}: {metadata.get(header)}, want {want}")
        for place in places:
            if place[:2] != (topic, partition) or place[2] < first:
                self.found.bad("overlaps", f"{key} holds the record {place}")
        offsets = [place[2] for place in places]
        if offsets and int(metadata.get("kafka-last-offset", max(offsets))) < max(offsets):
            self.found.bad("overlaps", f"{key} reaches behind the kafka-last-offset of its metadata, {metadata['kafka-last-offset']}")
        if int(metadata.get("rows", len(places))) != len(places):
            self.found.bad("overlaps", f"{key} has {len(places)} rows, and its metadata say {metadata['rows']}")
        last = max(offsets + [int(metadata.get("kafka-last-offset", first))])
        before = self.ranges[topic, partition].get(first, first)
        self.ranges[topic, partition][first] = max(before, last)

    def compare(self):
        for identity, place in self.expected.items():
            keys = self.keys.get(identity, [])
            if not keys:
                self.found.bad("lost", f"the record {place} is in no object")
            elif len(keys) > 1:
                self.found.bad("doubled", f"the record {place} is in {keys}")
        for where, ranges in self.ranges.items():
            reached, by = -1, None
            for first, last in sorted(ranges.items()):
                if first <= reached:
                    self.found.bad("overlaps", f"of {where} the objects from {by} on reach to {reached}, and others begin at {first}")
                reached, by = last, first

    def states(self):
        complete, upto = set(), collections.Counter()
        for n, state in enumerate(self.j["states"]):
            complete.update(state["keys"])
            for stream, rows in state["rows"].items():
                who = (state["front"], stream)
                for number in range(rows):
                    # What was complete at an earlier STATE still is.
                    if number >= upto[who] and not self.row_keys[(*who, number)] & complete:
                        self.found.bad("early_states", f"STATE {n} of {who} came before row {number} was in an object")
                        break
                upto[who] = max(upto[who], rows)


def main():
    with open(sys.argv[1]) as f:
        audit = Audit(json.load(f))
    audit.read_kafka()
    audit.read_objects()
    audit.compare()
    audit.states()
    kinds = ("lost", "doubled", "alien", "overlaps", "early_states", "bad_dead_letters")
    json.dump({"offsets": len(audit.expected), "rows": audit.rows, "what": audit.found.what,
               **{kind: audit.found.counts[kind] for kind in kinds}}, sys.stdout)


main()
