"""The sources: real connectors, as their makers publish them."""

import json
import pathlib
import sys

import airbyte as ab
import yaml

HERE = pathlib.Path(__file__).resolve().parent
BIN = HERE.parent / ".bin" / "e2e"


def _select(source, streams):
    source.select_streams(streams) if streams else source.select_all_streams()
    return source


def faker(count, *streams):
    config = {"count": count, "seed": 1, "always_updated": False, "parallelism": 1}
    return _select(ab.get_source("source-faker", config=config, local_executable=BIN / "source-faker/bin/source-faker"), streams)


def hardcoded(count, *streams):
    executable = pathlib.Path(sys.executable).with_name("source-hardcoded-records")
    return _select(ab.get_source("source-hardcoded-records", config={"count": count}, local_executable=executable), streams)


def notes(api):
    """The source of manifest.yaml, which PyAirbyte runs itself."""
    return _select(ab.get_source("source-notes", config={"url": api.url}, source_manifest=HERE / "manifest.yaml"), ["notes"])


def notes_process(api):
    """The same as a process, as the platform runs it. PyAirbyte itself does not give it its state."""
    config = {"url": api.url, "__injected_declarative_manifest": yaml.safe_load((HERE / "manifest.yaml").read_text())}
    executable = pathlib.Path(sys.executable).with_name("source-declarative-manifest")
    return _select(ab.get_source("source-notes", config=config, local_executable=executable), ["notes"])


def file(path, format, **reader_options):
    config = {"dataset_name": path.stem, "format": format, "url": str(path), "provider": {"storage": "local"},
              "reader_options": json.dumps(reader_options)}
    return _select(ab.get_source("source-file", config=config, local_executable=BIN / "source-file/bin/source-file"), [path.stem])
