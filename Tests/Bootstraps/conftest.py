import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def interpreters(pattern, names):
    """Executables by what they answer to `--version`, each version once."""
    home = Path(os.environ.get("HOME", "/nonexistent"))
    places = [Path(entry) for entry in os.environ.get("PATH", "").split(":") if entry]
    places += [Path("/usr/bin"), Path("/usr/local/bin")]
    for parent in (home / ".pyenv/versions", home / ".nvm/versions/node", home / ".rbenv/versions", Path("/opt")):
        places += sorted(parent.glob("*/bin"))
    found = {}
    for place in places:
        for path in (place / name for name in names):
            if path.is_file() and "/shims/" not in str(path):
                answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20)
                match = re.search(pattern, answer.stdout)
                if match:
                    found.setdefault(match.group(1), str(path.resolve()))
    return found


PYTHONS = interpreters(r"Python 3\.(9|1[0-4])\.", ["python3.%d" % minor for minor in range(9, 15)] + ["python3"])
RUBIES = interpreters(r"ruby ([234]\.\d+)\.", ["ruby"])
NODES = interpreters(r"v(18|19|2[0-4])\.", ["node", "nodejs"])


@pytest.fixture(params=[False, True], ids=["started", "ahead"])
def ahead(request):
    """Whether the process starts before it is known for which function."""
    return request.param


@pytest.fixture(params=[False, True, "forked"], ids=["started", "ahead", "forked"])
def origin(request):
    """As `ahead`, or forked from a process that started ahead."""
    return request.param


@pytest.fixture(params=sorted(PYTHONS, key=int) or [pytest.param(None, marks=pytest.mark.skip("no CPython 3.9-3.14"))])
def python_minor(request):
    return request.param


@pytest.fixture(params=sorted(NODES, key=int) or [pytest.param(None, marks=pytest.mark.skip("no Node.js 18-24"))])
def node_major(request):
    return request.param


def jdks():
    """Installations of Java that can compile, by their major version."""
    homes = {Path(path).resolve().parents[1] for path in [shutil.which("javac")] if path}
    homes |= {path.resolve() for path in Path("/usr/lib/jvm").glob("*")}
    found = {}
    for home in sorted(homes):
        if (home / "bin/javac").is_file():
            answer = subprocess.run([home / "bin/java", "-version"], capture_output=True, text=True, timeout=60)
            match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
            if match:
                found.setdefault(match.group(1), home)
    return found


JDKS = jdks()


@pytest.fixture(params=sorted(JDKS, key=int) or [pytest.param(None, marks=pytest.mark.skip("no Java compiler"))])
def java_version(request):
    return request.param


def javac(home, output, sources, *options):
    command = [home / "bin/javac", "-nowarn", "-encoding", "UTF-8", "-d", output, *options, *sorted(sources)]
    outcome = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert outcome.returncode == 0, outcome.stderr


@pytest.fixture(scope="session")
def java_classes(tmp_path_factory):
    """The bootstrap's classes and those of the tests' handlers, compiled once by each compiler."""
    known = {}

    def build(version):
        if version not in known:
            place = tmp_path_factory.mktemp("java" + version)
            bootstrap, cases = place / "bootstrap", place / "cases"
            here = Path(__file__).parent
            sources = here.parents[1] / "Sources/Runtimes/Bootstraps"
            crac = place / "crac"
            crac.mkdir()
            # As they are named where they are installed.
            for path in (sources / "crac").glob("*.java"):
                shutil.copy(path, crac / path.name.removeprefix("Crac"))
            javac(JDKS[version], bootstrap, [*(sources / "java").glob("*.java"), *crac.glob("*.java")], "-Xlint:-options", "-source", "8", "-target", "8")
            javac(JDKS[version], cases, (here / "java").glob("*.java"), "-cp", bootstrap, "-parameters")
            known[version] = (bootstrap, cases)
        return known[version]

    return build


@pytest.fixture(params=sorted(RUBIES) or [pytest.param(None, marks=pytest.mark.skip("no Ruby 2.7-4"))])
def ruby_version(request):
    return request.param


@pytest.fixture(scope="session")
def judges(tmp_path_factory):
    """Where AWS's own Python client is, by minor version: installed from the package index, wheels only."""
    known = {}

    def find(minor):
        if minor not in known:
            target = tmp_path_factory.mktemp("awslambdaric") / minor
            command = [PYTHONS[minor], "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:"]
            outcome = subprocess.run(
                command + ["--target", str(target), "awslambdaric"], capture_output=True, text=True, timeout=300
            )
            known[minor] = (target, None) if outcome.returncode == 0 else (None, outcome.stderr.strip()[-200:])
        target, problem = known[minor]
        if problem is not None:
            pytest.skip("awslambdaric cannot be installed for Python 3.%s: %s" % (minor, problem))
        return target

    return find
