"""Gets Apache Kafka and what the auditor needs into .bin, and runs kafkatorture. Needs Python, Java and Maven."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KAFKA = ROOT / ".bin" / "kafka"

sys.path.insert(0, str(HERE.parent))
import run  # noqa: E402  e2e/run.py

JAVA = 17  # the oldest that Kafka 4 runs on
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def missing():
    """What this machine lacks, and how to get it."""
    java = shutil.which("java")
    if not java or not shutil.which("javac"):
        yield f"a JDK of version {JAVA} or newer: apt-get install openjdk-{JAVA}-jdk-headless, or https://adoptium.net"
    else:
        said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
        version = re.search(r'version "(\d+)', said)
        if not version or int(version[1]) < JAVA:
            yield f"Java {JAVA} or newer; this is {said.splitlines()[0] if said else 'none'}"
    if not shutil.which("mvn"):
        yield "Maven: apt-get install maven, or https://maven.apache.org/download.cgi"
    if sys.version_info < (3, 10):
        yield f"Python 3.10 or newer; this is {sys.version.split()[0]} (make e2e-kafka PYTHON=/path/to/python3)"


def jars():
    """Copies Kafka's jars, unless those of this pom are there."""
    pom = HERE / "pom.xml"
    stamp = KAFKA / "pom.xml"
    libs = KAFKA / "libs"
    shutil.copy(HERE / "log4j2.properties", KAFKA)
    if stamp.exists() and stamp.read_text() == pom.read_text():
        return libs
    run.say(f"getting Apache Kafka into {libs.relative_to(ROOT)} (45 MB; first run only)")
    shutil.rmtree(libs, ignore_errors=True)
    subprocess.run(["mvn", "-q", "-B", "-f", pom, COPY, f"-DoutputDirectory={libs}"], check=True)
    # Written last, so that what was interrupted begins anew.
    shutil.copy(pom, stamp)
    return libs


def main():
    lacks = list(missing())
    if lacks:
        sys.exit("make e2e-kafka starts Apache Kafka on this machine, for which it lacks\n  " + "\n  ".join(lacks))
    KAFKA.mkdir(parents=True, exist_ok=True)
    try:
        libs = jars()
        python = run.install("kafka", "100 MB")
    except subprocess.CalledProcessError as error:
        sys.exit(f"that failed, and its reason is above: {error}")
    command = [ROOT / ".bin" / "kafkatorture", "-sluice", ROOT / ".bin" / "sluice", "-libs", libs, "-work", KAFKA / "runs",
               "-python", python, "-auditor", HERE / "audit.py", "-producer", HERE / "Envelope.java", *sys.argv[1:]]
    os.execv(command[0], [str(word) for word in command])


if __name__ == "__main__":
    main()
