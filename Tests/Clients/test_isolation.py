"""What a function must not be able to do. Every attempt runs as a real function; each answer is the function's own report.

Expectations: the issue of isolation in docs/isolation.md, and what AWS documents of execution environments (a read-only
file system but for /tmp, 1,024 descriptors and processes, no capabilities).
"""

import http.server
import json
import os
import pathlib
import socket
import sys
import threading

import pytest

from conftest import wait_until

ATTEMPT = """
import ctypes, errno, json, os, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)

def outcome(action):
    try:
        return {"value": action()}
    except BaseException as error:
        return {"error": type(error).__name__, "errno": getattr(error, "errno", None)}

def call(number, *arguments):
    if libc.syscall(number, *arguments) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return "done"

def handler(event, context):
    return outcome(lambda: eval(event["expression"], globals()) if "expression" in event else exec(event["code"], globals()) or result)
"""


@pytest.fixture
def attempt(deploy, lambda_client):
    """Runs Python inside a sandbox and returns `{"value": …}` or `{"error": …, "errno": …}`."""
    made = {}

    def run(code=None, expression=None, suffix="", **settings):
        if suffix not in made:
            made[suffix] = deploy(python=ATTEMPT, suffix=suffix, **{"MemorySize": 256, **settings})
        payload = {"expression": expression} if expression else {"code": code}
        answer = lambda_client.invoke(FunctionName=made[suffix], Payload=json.dumps(payload))
        document = json.loads(answer["Payload"].read())
        return {**document, "functionError": answer.get("FunctionError")} if "FunctionError" in answer else document

    return run


@pytest.mark.parametrize("path", ["/root", "/home", "/etc/shadow", "/boot", "/sys/kernel", "/var/log", "/var/lib", "/mnt", "/srv"])
def test_the_hosts_files_are_not_there(attempt, path):
    answer = attempt(expression=f"os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}).read()")
    # A directory may be there empty, or with nothing but the way to an interpreter that is installed below it.
    way = [part for part in pathlib.Path(sys.base_prefix).parts]
    assert answer.get("error") in ("FileNotFoundError", "PermissionError") or (
        isinstance(answer["value"], list) and set(answer["value"]) <= set(way)), answer


def test_the_servers_data_directory_is_not_there(attempt, server):
    assert attempt(expression=f"os.listdir({str(server.data)!r})")["error"] == "FileNotFoundError"
    assert attempt(expression=f"os.listdir('/proc/1/root')").get("error") == "PermissionError"


@pytest.mark.parametrize("path", ["/usr/x", "/etc/x", "/var/task/x", "/var/runtime/x", "/x", "/proc/sys/kernel/hostname", "/dev/x"])
def test_everything_but_tmp_is_read_only(attempt, path):
    answer = attempt(expression=f"open({path!r}, 'w').write('x')")
    assert answer.get("error") in ("OSError", "PermissionError", "FileNotFoundError"), answer


def test_tmp_is_writable_and_survives_between_invocations(attempt):
    assert attempt(expression="open('/tmp/kept', 'w').write('x')") == {"value": 1}
    assert attempt(expression="os.listdir('/tmp')") == {"value": ["kept"]}


def test_another_functions_code_tmp_and_environment_are_invisible(attempt):
    attempt(expression="open('/tmp/secret', 'w').write('x')", suffix="-a", Environment={"Variables": {"SECRET": "apus-secret"}})
    assert attempt(expression="os.listdir('/tmp')", suffix="-b") == {"value": []}
    code = """
found = []
for pid in filter(str.isdigit, os.listdir('/proc')):
    try:
        if b'apus-secret' in open(f'/proc/{pid}/environ', 'rb').read(): found.append(pid)
    except OSError: pass
result = found
"""
    assert attempt(code=code, suffix="-b") == {"value": []}


def test_only_its_own_processes_are_visible(attempt):
    pids = attempt(expression="sorted(int(p) for p in os.listdir('/proc') if p.isdigit())")["value"]
    assert len(pids) <= 3 and pids[0] == 1


def test_it_is_nobody_special(attempt):
    status = attempt(expression="open('/proc/self/status').read()")["value"]
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[field], 16) == 0, field
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"
    assert attempt(expression="os.getuid()")["value"] != 0


@pytest.mark.parametrize(
    "what,expression",
    [
        ("mount", "call(165, b'none', b'/tmp', b'tmpfs', 0, 0)"),
        ("umount", "call(166, b'/proc', 2)"),
        ("unshare user", "call(272, 0x10000000)"),
        ("unshare mount", "call(272, 0x20000)"),
        ("clone with a namespace", "call(56, 0x10000000 | 17, 0, 0, 0, 0)"),
        ("setns", "call(308, os.open('/proc/self/ns/net', 0), 0)"),
        ("ptrace init", "call(101, 16, 1, 0, 0)"),
        ("process_vm_readv", "call(310, 1, 0, 0, 0, 0, 0)"),
        ("init_module", "call(175, 0, 0, b'')"),
        ("finit_module", "call(313, 0, b'', 0)"),
        ("kexec", "call(246, 0, 0, 0, 0)"),
        ("bpf", "call(321, 0, 0, 0)"),
        ("perf_event_open", "call(298, 0, 0, 0, 0, 0)"),
        ("userfaultfd", "call(323, 0)"),
        ("io_uring", "call(425, 8, 0)"),
        ("keyctl", "call(250, 0, -3, 0)"),
        ("reboot", "call(169, 0xfee1dead, 672274793, 0x1234567, 0)"),
        ("open_by_handle_at", "call(304, 3, 0, 0)"),
        ("pivot_root", "call(155, b'/', b'/tmp')"),
        ("chroot", "os.chroot('/tmp')"),
        ("sethostname", "socket.sethostname('x')"),
        ("settime", "time.clock_settime(time.CLOCK_REALTIME, 0)"),
        ("setuid root", "os.setuid(0)"),
        ("packet socket", "str(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))"),
        ("raw socket", "str(socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))"),
        ("device", "os.mknod('/tmp/d', 0o20600, os.makedev(1, 1))"),
    ],
)
def test_refused_system_calls(attempt, what, expression):
    answer = attempt(expression=expression)
    assert "error" in answer, (what, answer)
    assert answer["errno"] in (1, 13, 22, 38, 93, 97), (what, answer)  # EPERM EACCES EINVAL ENOSYS EPROTONOSUPPORT EAFNOSUPPORT


def test_setuid_programs_gain_nothing(attempt):
    answer = attempt(expression="subprocess.run(['su', '-c', 'id'], capture_output=True, stdin=subprocess.DEVNULL).returncode")
    assert answer.get("value") != 0


def test_init_cannot_be_killed(attempt):
    code = "\n".join(["try: os.kill(1, 9)", "except OSError: pass", "time.sleep(0.05)", "result = 'alive'"])
    assert attempt(code=code) == {"value": "alive"}


class Listener:
    """A web server on the host, to which no function may come."""

    def __init__(self, address):
        self.reached = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.reached.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.HTTPServer((address, 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def host_addresses():
    """The host's own addresses: loopback, and those of its interfaces."""
    import subprocess

    words = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    return ["127.0.0.1"] + [word for word in words if "." in word]


@pytest.mark.parametrize("index", range(2))
def test_the_hosts_services_cannot_be_reached(attempt, index):
    addresses = host_addresses()
    if index >= len(addresses):
        pytest.skip("this host has no address but loopback")
    listener = Listener(addresses[index])
    try:
        with socket.create_connection((addresses[index], listener.port), 5):  # the test can fail: the host itself gets there
            pass
        targets = {addresses[index], "127.0.0.1", "169.254.128.1", "10.0.2.2", "10.0.2.3"}
        for target in targets:
            answer = attempt(expression=f"str(socket.create_connection(({target!r}, {listener.port}), 1))")
            assert "error" in answer, (target, answer)
        assert listener.reached == []
    finally:
        listener.close()


def test_cloud_metadata_cannot_be_reached(attempt):
    assert "error" in attempt(expression="str(socket.create_connection(('169.254.169.254', 80), 1))")


def test_another_environment_cannot_be_reached(attempt):
    code = """
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.connect(('169.254.128.1', 9))
own = probe.getsockname()[0]
listener = socket.create_server(('0.0.0.0', 7777))
import threading
def serve():
    while True:
        connection, _ = listener.accept()
        connection.send(b'leak'); connection.close()
threading.Thread(target=serve, daemon=True).start()
result = own
"""
    address = attempt(code=code, suffix="-listens")["value"]
    # It can be reached from inside its own environment: the listener works.
    assert attempt(expression=f"socket.create_connection(({address!r}, 7777), 2).recv(4).decode()", suffix="-listens") == {"value": "leak"}
    answer = attempt(expression=f"str(socket.create_connection(({address!r}, 7777), 1))", suffix="-asks")
    assert "error" in answer, answer
    answer = attempt(expression=f"str(socket.create_connection(({address!r}, 9001), 1))", suffix="-asks")
    assert "error" in answer, answer


def test_apus_itself_can_be_reached_with_the_functions_own_credentials(attempt):
    code = """
import urllib.request
result = json.load(urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_apus/health', timeout=5))['status']
"""
    assert attempt(code=code) == {"value": "ok"}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        assert attempt(expression=f"bool(os.environ[{name!r}])") == {"value": True}


def test_a_fork_bomb_is_bounded_and_the_server_lives(attempt, lambda_client):
    code = """
count = 0
try:
    while count < 3000:
        pid = os.fork()
        if pid == 0:
            time.sleep(30); os._exit(0)
        count += 1
except OSError as error:
    pass
result = count
"""
    answer = attempt(code=code, suffix="-bomb", MemorySize=1024, Timeout=20)
    assert answer.get("functionError") or answer["value"] <= 1024
    assert lambda_client.list_functions(MaxItems=1)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_disk_cannot_be_filled(attempt):
    code = """
written = 0
try:
    with open('/tmp/big', 'wb', buffering=0) as file:
        while written < 700 << 20:
            written += file.write(bytes(1 << 20))
except OSError as error:
    os.unlink('/tmp/big')
    result = [error.errno, written >> 20]
"""
    answer = attempt(code=code, MemorySize=1536)
    assert answer["value"][0] == 28 and answer["value"][1] <= 512  # ENOSPC at EphemeralStorage's 512 MB


def test_memory_cannot_be_exceeded(attempt):
    answer = attempt(code="hog = b'x' * (400 << 20)\nresult = len(hog)", MemorySize=128)
    assert answer["functionError"] == "Unhandled" and answer["errorType"] in ("Runtime.OutOfMemory", "Runtime.ExitError"), answer


def test_descriptors_and_processes_have_limits(attempt):
    assert attempt(expression="__import__('resource').getrlimit(__import__('resource').RLIMIT_NOFILE)") == {"value": [1024, 1024]}
    assert attempt(expression="__import__('resource').getrlimit(__import__('resource').RLIMIT_NPROC)") == {"value": [1024, 1024]}


def test_no_descriptor_of_the_platform_is_inherited(attempt):
    code = """
kinds = {}
for number in os.listdir('/proc/self/fd'):
    try: kinds[number] = os.readlink('/proc/self/fd/' + number)
    except OSError: pass
result = [target for number, target in kinds.items()
          if int(number) > 2 and not target.startswith(('socket:', '/proc/', '/tmp', '/var/task', '/dev/', '/usr', 'anon_inode:[eventpoll]'))]
"""
    assert attempt(code=code) == {"value": []}


def test_nothing_outlives_the_environment(attempt, lambda_client, server):
    """A daemonised child is gone once the function that started it was deleted."""
    mark = f"apus-daemon-{os.urandom(6).hex()}"
    code = f"""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, ['{mark}', '-c', 'import time; time.sleep(600)'])
    os._exit(0)
result = 'started'
"""
    assert attempt(code=code, suffix="-daemon") == {"value": "started"}

    def running():
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if path.read_bytes().startswith(mark.encode()):
                    found.append(path)
            except OSError:
                pass
        return found

    wait_until(running, what="the daemon's start")
    function = [f["FunctionName"] for f in lambda_client.list_functions()["Functions"] if f["FunctionName"].endswith("-daemon")]
    for each in function:
        lambda_client.delete_function(FunctionName=each)
    wait_until(lambda: not running(), what="the daemon's end")
