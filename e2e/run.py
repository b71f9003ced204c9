"""Installs what the tests need below .bin/e2e, and runs them. Needs nothing but Python 3.11."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BIN = ROOT / ".bin" / "e2e"

# The oldest of source-hardcoded-records and the newest of source-file.
VERSION = (3, 11)

# Sources whose libraries do not go together with the others' have an environment of their own.
ENVIRONMENTS = {
    "airbyte": "PyAirbyte, source-hardcoded-records and the readers, 1 GB",
    "source-faker": "360 MB",
    "source-file": "520 MB",
}


def say(text):
    print(text, flush=True)


def right_python():
    """Goes on with Python 3.11 where another one was started."""
    if sys.version_info[:2] == VERSION:
        return
    name = "python%d.%d" % VERSION
    path = shutil.which(name)
    if not path:
        sys.exit(f"this is Python {sys.version.split()[0]}, and there is no {name}: the sources run on no other"
                 f" (apt-get install {name} {name}-venv, or make e2e PYTHON=/path/to/{name})")
    os.execv(path, [path, *sys.argv])


def install(name, size):
    """Makes an environment, unless it was made from the same pins by the same Python."""
    directory = BIN / name
    requirements = HERE / f"requirements-{name}.txt"
    stamp = directory / "pins"
    pins = f"# {sys.version.split()[0]}\n{requirements.read_text()}"
    python = directory / "bin" / "python"
    if stamp.exists() and stamp.read_text() == pins:
        return python
    say(f"installing {name} into {directory.relative_to(ROOT)} ({size}; first run only)")
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", "--clear", directory], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], check=True)
    say(f"  took {time.monotonic() - start:.0f}s")
    # Written last, so that what was interrupted begins anew.
    stamp.write_text(pins)
    return python


def main():
    right_python()
    try:
        pythons = {name: install(name, size) for name, size in ENVIRONMENTS.items()}
    except subprocess.CalledProcessError as error:
        sys.exit(f"that failed, and its reason is above: {error}")
    say("running the tests (about eight minutes)")
    return subprocess.run([pythons["airbyte"], "-m", "pytest", *sys.argv[1:]], cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main())
