"""Environments that are forked from one process share nothing that is to be random, and know nothing of it.

Expectations: AWS's environments are processes of their own, whose random numbers have nothing in common.
"""

import concurrent.futures
import json

import pytest

DRAW = """
import hashlib, os, random, secrets, ssl, tempfile, time, uuid

def handler(event, context):
    time.sleep(event["seconds"])
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return {
        "drawn": [random.random(), random.SystemRandom().random(), str(uuid.uuid4()), str(uuid.uuid1()), secrets.token_hex(),
                  ssl.RAND_bytes(16).hex(), tempfile.mktemp(), os.urandom(16).hex()],
        "variables": sorted(name for name in os.environ if "APUS" in name or name == "LD_PRELOAD"),
        "environ": open("/proc/self/environ").read(),
        "descriptors": sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{n}")),
        "executable": os.readlink("/proc/self/exe"),
        "capabilities": [status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd")],
        "filter": [status[name].strip() for name in ("NoNewPrivs", "Seccomp")],
        "pid": os.getpid(),
    }
"""


@pytest.fixture
def drawn(deploy, lambda_client):
    function = deploy(python=DRAW)

    def invoke(seconds):
        answer = lambda_client.invoke(FunctionName=function, Payload=json.dumps({"seconds": seconds}))
        return json.loads(answer["Payload"].read())

    # At the same time, so that each has an environment of its own.
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        return list(pool.map(invoke, [1.0] * 12))


def test_no_two_environments_draw_alike(drawn):
    for column in zip(*(answer["drawn"] for answer in drawn)):
        assert len(set(column)) == len(drawn), column


def test_functions_know_nothing_of_it(drawn):
    for answer in drawn:
        assert answer["variables"] == []
        assert not [word for word in ("ZYGOTE", "PRELOAD", "BIND_NOW") if word in answer["environ"]]
        # Standard input, output and error, and the connection to the Runtime API.
        assert sum(name.startswith("pipe:") for name in answer["descriptors"]) <= 2, answer["descriptors"]
        assert sum(name.startswith("socket:") for name in answer["descriptors"]) == 1, answer["descriptors"]
        assert not [name for name in answer["descriptors"] if name.startswith(("mnt:", "anon_inode:"))]
        assert "apus" not in answer["executable"] and answer["capabilities"] == ["0" * 16] * 3
        assert answer["filter"] == ["1", "2"] and answer["pid"] == 2
