"""Environments that are forked from one process share nothing that is to be random, and know nothing of it.

Expectations: AWS's environments are processes of their own, whose random numbers have nothing in common.
"""

import concurrent.futures
import json
import shutil

import pytest

import held

PYTHON = held.PYTHON + """
import hashlib, os, random, secrets, ssl, tempfile, time, uuid

def handler(event, context):
    held(event)
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


RUBY = held.RUBY + """
require 'etc'
require 'openssl'
require 'securerandom'
require 'tmpdir'

FORKED = $LOADED_FEATURES.any? { |path| path.end_with?('/net/http.rb') }

def handler(event:, context:)
  held(event)
  status = File.readlines('/proc/self/status').to_h { |line| line.split(':', 2) }
  names = Dir.children('/proc/self/fd').to_h { |n| [n, (File.readlink("/proc/self/fd/#{n}") rescue nil)] }.compact
  events = names.select { |_, name| name.include?('eventfd') }.keys.map { |n| File.read("/proc/self/fdinfo/#{n}")[/eventfd-id:\\s*(\\d+)/, 1] }
  {
    forked: FORKED,
    drawn: [rand, Random.rand, Random.new.rand, Random.new_seed, [*1..99].shuffle.join, SecureRandom.hex, SecureRandom.uuid,
            Random.urandom(16).unpack1('H*'), OpenSSL::Random.random_bytes(16).unpack1('H*'), OpenSSL::BN.rand(128).to_s,
            OpenSSL::PKey::EC.generate('prime256v1').private_key.to_s, Dir::Tmpname.create('x') { |path| path },
            events.compact.sort.join(' ') + SecureRandom.hex * (events.compact.empty? ? 1 : 0)],
    variables: ENV.keys.select { |name| name.include?('APUS') || name == 'LD_PRELOAD' },
    environ: File.read('/proc/self/environ'),
    descriptors: names.values.reject { |name| name.match?(/\\Aanon_inode:\\[event(fd|poll)\\]\\z/) },
    executable: File.readlink('/proc/self/exe'),
    capabilities: %w[CapPrm CapEff CapBnd].map { |name| status[name].strip },
    filter: %w[NoNewPrivs Seccomp].map { |name| status[name].strip },
    blocked: status['SigBlk'].strip,
    user: [Process.uid, Process.euid, Process.gid, File.read('/proc/self/uid_map').split.first.to_i],
    limits: [Process.getrlimit(:NOFILE), Process.getrlimit(:NPROC), Process.getrlimit(:CORE)],
    pid: Process.pid
  }
end
"""

needs_ruby = pytest.mark.skipif(shutil.which("ruby") is None, reason="there is no ruby on this machine")
LANGUAGES = {
    "python": {"python": PYTHON},
    "ruby": {"files": {"app.rb": RUBY}, "Runtime": "ruby3.3", "Handler": "app.handler"},
}


def ask(client, function, event):
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
    document = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, document
    return document


def forked(client, function, event, told):
    """The answer of an environment that was forked: the first of a server start by themselves."""
    for attempt in range(200):
        answer = ask(client, function, event)
        if told(answer):
            return answer
        # A new revision has a new environment.
        client.update_function_configuration(FunctionName=function, Description=str(attempt))
        client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1200})
    raise AssertionError("no environment has been forked")


@pytest.fixture(params=["python", pytest.param("ruby", marks=needs_ruby)])
def drawn(server, deploy, lambda_client, request):
    function = deploy(**LANGUAGES[request.param], Timeout=120)
    if request.param == "ruby":
        forked(lambda_client, function, {}, lambda answer: answer["forked"])
        lambda_client.update_function_configuration(FunctionName=function, Description="all at once")
        lambda_client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1200})
    # At the same time, so that each has an environment of its own.
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        return held.at_once(server, function, lambda event: ask(lambda_client, function, event), 12, pool)


def test_no_two_environments_draw_alike(drawn):
    assert sum(answer.get("forked", True) for answer in drawn) > 1
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
        if "forked" in answer:
            assert answer["blocked"] == "0" * 16 and answer["user"] == [993, 993, 990, 993]
            assert answer["limits"] == [[1024, 1024], [1024, 1024], [0, 0]]


WHOLE = """
require 'objspace'
require 'open3'
require 'timeout'

FORKED = $LOADED_FEATURES.any? { |path| path.end_with?('/net/http.rb') }
at_exit { $stdout.puts "at_exit #{Process.pid == 2 ? 'own' : 'child'}" }

def threads
  queue = Queue.new
  [Array.new(8) { |n| Thread.new { sleep 0.01; queue << n; n } }.sum(&:value), queue.size, Thread.list.size]
end

def switches
  # One thread never gives way by itself: the other runs because the interpreter interrupts it.
  stop = false
  spinning = Thread.new { nil until stop }
  done = Thread.new { 1 }.join(20)
  stop = true
  [!done.nil?, !spinning.join(20).nil?]
end

def child
  reader, writer = IO.pipe
  pid = fork do
    writer.write("#{Thread.new { rand }.value.class} #{Process.ppid}")
    exit!(7)
  end
  writer.close
  [reader.read, Process.wait2(pid)[1].exitstatus]
end

def selects
  reader, writer = IO.pipe
  Thread.new { sleep 0.02; writer << 'x' }
  [IO.select([reader], nil, nil, 20)&.first&.size, IO.select([IO.pipe[0]], nil, nil, 0.01)]
end

def traps
  got = Queue.new
  previous = trap('USR1') { Thread.main[:told] = true }
  Process.kill('USR1', Process.pid)
  Timeout.timeout(20) { sleep 0.01 until Thread.main[:told] }
  trap('USR1', previous)
  slept = Thread.new { sleep; 1 }
  Thread.pass until slept.status == 'sleep'
  slept.wakeup
  [previous, slept.value]
end

def exits
  reader, writer = IO.pipe
  pid = fork do
    $stdout.reopen(writer)
    at_exit { puts 'inner' }
    exit 3
  end
  writer.close
  [reader.read.split("\\n"), Process.wait2(pid)[1].exitstatus]
end

def ractors
  verbose, $VERBOSE = $VERBOSE, nil
  ractors = Array.new(3) { |n| Ractor.new(n) { |m| m * 2 } }
  ractors.sum { |ractor| ractor.respond_to?(:value) ? ractor.value : ractor.take }
ensure
  $VERBOSE = verbose
end

def handler(event:, context:)
  {
    forked: FORKED, threads: threads, switches: switches,
    timeout: (Timeout.timeout(0.05) { sleep 30 } rescue $!.class.name),
    timeout_while_busy: (Timeout.timeout(0.05) { nil while true } rescue $!.class.name),
    spawn: [Process.wait2(Process.spawn('exit 5'))[1].exitstatus, `echo out`, Open3.capture2('cat', stdin_data: 'in').first,
            IO.popen(%w[sh -c] + ['echo $PPID'], &:read).to_i, system('false')],
    child: child, select: selects, traps: traps, exits: exits, ractors: ractors,
    objects: [ObjectSpace.each_object(Class).count > 500, ObjectSpace.memsize_of_all.positive?, GC.start, GC.verify_internal_consistency],
    compacts: GC.respond_to?(:compact) && !GC.compact.nil?,
    fiber: Fiber.new { Fiber.yield 1; 2 }.then { |fiber| [fiber.resume, fiber.resume] },
    wait: ((Process.wait) rescue $!.class.name)
  }
end
"""


@needs_ruby
def test_all_of_ruby_works_in_a_forked_process(deploy, lambda_client):
    """The interpreter's own threads, pipes and timers are made anew. Expectations: what Ruby documents."""
    function = deploy(files={"app.rb": WHOLE}, Runtime="ruby3.3", Handler="app.handler", Timeout=60, MemorySize=1024)
    answer = forked(lambda_client, function, {}, lambda answer: answer["forked"])
    assert answer == {
        "forked": True, "threads": [28, 8, 1], "switches": [True, True], "timeout": "Timeout::Error",
        "timeout_while_busy": "Timeout::Error", "spawn": [5, "out\n", "in", 2, False], "child": ["Float 2", 7],
        "select": [1, None], "traps": ["DEFAULT", 1], "exits": [["inner", "at_exit child"], 3], "ractors": 6,
        "objects": [True, True, None, None], "compacts": True, "fiber": [1, 2], "wait": "Errno::ECHILD",
    }  # fmt: skip
