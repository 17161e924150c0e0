"""The Ruby bootstrap. Expectations: the developer guide's pages about Ruby, and the documents of AWS's own client
(aws-lambda-ruby-runtime-interface-client), which names errors `Function<Class>` and `Init<Class>`."""

import json
import re

import pytest
from conftest import RUBIES
from mock_runtime import BOOTSTRAPS, REQUEST_ID, TRACE, Event, run

FIRST = REQUEST_ID % 0


@pytest.fixture
def ruby(ruby_version, tmp_path, origin):
    def invoke(files, handler="app.handler", events=(Event(),), env=None, **more):
        if isinstance(files, str):
            files = {"app.rb": files}
        task = tmp_path / "task"
        task.mkdir(exist_ok=True)
        command = [RUBIES[ruby_version], "--disable-gems", str(BOOTSTRAPS / "bootstrap.rb")]
        return run(command, task, files, handler, events, env, ahead=origin, **more)

    return invoke


def answers(result):
    assert [post.kind for post in result.posts] == ["response"] * len(result.posts), result.output
    return [post.body for post in result.posts]


def test_answers_with_json(ruby):
    result = ruby("def handler(event:, context:)\n  {got: event, text: 'Grüße ☕', n: [1, 2.5, nil, true]}\nend", events=[Event({"a": "ü"})])
    assert answers(result) == [{"got": {"a": "ü"}, "text": "Grüße ☕", "n": [1, 2.5, None, True]}]
    assert result.only.headers["content-type"] == "application/json"


@pytest.mark.parametrize("code, expected", [("nil", None), ("'text'", "text"), ("42", 42), ("[]", []), ("Object", "Object")])
def test_answers_with_any_value(ruby, code, expected):
    assert answers(ruby("def handler(event:, context:)\n  %s\nend" % code)) == [expected]


def test_serves_many_events_on_one_connection_and_keeps_globals(ruby):
    source = "$n = 0\ndef handler(event:, context:)\n  $n += 1\n  [$n, event]\nend"
    result = ruby(source, events=[Event(i) for i in range(5)])
    assert answers(result) == [[i + 1, i] for i in range(5)]
    assert result.connections == 1


def test_carries_large_and_chunked_events(ruby):
    big = "é" * 1_500_000
    events = [Event(big), Event(big, chunked=True), Event({"s": 1}, chunked=True)]
    assert answers(ruby("def handler(event:, context:)\n  event\nend", events=events)) == [big, big, {"s": 1}]


@pytest.mark.parametrize("source, handler", [
    ("module Outer\n  class Inner\n    def self.run(event:, context:)\n      'nested'\n    end\n  end\nend", "app.Outer::Inner.run"),
    ("class Only\n  def self.run(event:, context:)\n    'class'\n  end\nend", "app.Only.run"),
    ("class Only\n  class << self\n    def run(**keywords)\n      keywords.keys.sort.join(' ')\n    end\n  end\nend", "app.Only.run"),
])  # fmt: skip
def test_handler_forms(ruby, source, handler):
    assert answers(ruby(source, handler))[0] in ("nested", "class", "context event")


def test_handler_in_a_folder(ruby):
    files = {"lib/deep/app.rb": "require_relative 'part'\nrequire 'other'\ndef handler(event:, context:)\n  [PART, OTHER]\nend",
             "lib/deep/part.rb": "PART = 1", "other.rb": "OTHER = 2"}  # fmt: skip
    assert answers(ruby(files, "lib/deep/app.handler")) == [[1, 2]]


CONTEXT = """
def handler(event:, context:)
  left = context.get_remaining_time_in_millis
  names = %i[aws_request_id invoked_function_arn log_group_name log_stream_name function_name memory_limit_in_mb
             function_version identity client_context tenant_id]
  [left > 15_000 && left <= 20_000, context.deadline_ms.class, ENV['_X_AMZN_TRACE_ID'], context.class,
   names.map { |name| [name, context.public_send(name)] }.to_h]
end
"""


def test_context(ruby):
    headers = {"Lambda-Runtime-Client-Context": '{"custom":{"k":"v"}}', "Lambda-Runtime-Aws-Tenant-Id": "t1",
               "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"i"}'}  # fmt: skip
    first, second = answers(ruby(CONTEXT, events=[Event(headers=headers), Event(headers={"Lambda-Runtime-Trace-Id": None})]))
    assert first[:4] == [True, "Integer", TRACE % 0, "LambdaContext"] and second[2] is None
    assert first[4] == {
        "aws_request_id": FIRST, "invoked_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:hello:live",
        "log_group_name": "/aws/lambda/hello", "log_stream_name": "2026/01/02/[7]abc", "function_name": "hello",
        "memory_limit_in_mb": "256", "function_version": "7", "identity": {"cognitoIdentityId": "i"},
        "client_context": {"custom": {"k": "v"}}, "tenant_id": "t1",
    }  # fmt: skip
    assert second[4]["identity"] is None and second[4]["client_context"] is None and second[4]["tenant_id"] is None


def test_error_document_and_record(ruby, tmp_path):
    result = ruby("class Oops < StandardError; end\ndef deep\n  raise Oops, 'boom é'\nend\ndef handler(event:, context:)\n  deep\nend",
                  events=[Event(), Event()])  # fmt: skip
    assert [post.kind for post in result.posts] == ["error", "error"] and result.status is None
    body = result.posts[0].body
    assert (body["errorMessage"], body["errorType"]) == ("boom é", "Function<Oops>")
    assert [frame.split(":in ")[0] for frame in body["stackTrace"]] == ["%s/task/app.rb:%d" % (tmp_path, line) for line in (3, 6)]
    assert set(body) == {"errorMessage", "errorType", "stackTrace"}
    # A class of the function's own is told to the platform by no name of its own.
    assert result.posts[0].error_type == "Function<UserException>"
    lines = result.output.splitlines(keepends=True)
    record = result.output.split("\n")[0].split("\r")
    assert record[0] == "Error raised from handler method" and json.loads("".join(record[1:])) == body and lines


@pytest.mark.parametrize("code, kind, told", [
    ("nothere", "Function<NameError>", "Function<NameError>"),
    ("nil.nothere", "Function<NoMethodError>", "Function<NoMethodError>"),
    ("exit 3", "Function<SystemExit>", "Function<SystemExit>"),
    ("raise NotImplementedError, 'x'", "Function<NotImplementedError>", "Function<UserException>"),
    ("def f() f end; f", "Function<SystemStackError>", "Function<SystemStackError>"),
])  # fmt: skip
def test_critical_exceptions_end_the_environment(ruby, code, kind, told):
    result = ruby("def handler(event:, context:)\n  %s\nend" % code, events=[Event(), Event()])
    assert (result.only.body["errorType"], result.only.error_type, result.status) == (kind, told, 255)
    assert result.output.startswith("Critical exception from handler\r{")


INIT = {
    "missing file": ("", "gone.handler", "Init<LoadError>", "cannot load such file -- gone"),
    "missing gem": ("require 'no_such_gem'", "app.handler", "Init<LoadError>", "cannot load such file -- no_such_gem"),
    "raises": ("raise KeyError, 'k'", "app.handler", "Init<KeyError>", "k"),
    "exits": ("exit 4", "app.handler", "Init<SystemExit>", "exit"),
}  # fmt: skip


@pytest.mark.parametrize("name", INIT)
def test_reports_errors_of_initialisation(ruby, name):
    source, handler, kind, message = INIT[name]
    result = ruby(source, handler)
    assert (result.only.path, result.status, result.nexts) == ("/init/error", 252, 0)
    assert (result.only.body["errorType"], result.only.body["errorMessage"]) == (kind, message)
    assert result.output.startswith("Init error when loading handler %s\r" % handler)


def test_syntax_error_and_malformed_handler(ruby):
    assert ruby("def handler(").only.body["errorType"] == "Init<SyntaxError>"
    body = ruby("", "a.b.c.d").only.body
    assert body["errorType"] == "Init<ArgumentError>" and body["errorMessage"].startswith('Invalid handler ["a", "b", "c", "d"], must be')


def test_a_missing_method_is_found_by_the_first_invocation(ruby):
    post = ruby("x = 1", "app.gone").only
    assert post.kind == "error" and post.body["errorType"] == "Function<NoMethodError>" and "gone" in post.body["errorMessage"]


def test_streams_go_out_as_they_are(ruby):
    result = ruby("def handler(event:, context:)\n  StringIO.new(\"\\x00raw\".b)\nend")
    assert result.only.raw == b"\x00raw" and result.only.headers["content-type"] == "application/unknown"


def test_marshaller_may_be_replaced(ruby):
    source = """
module AwsLambda
  class Marshaller
    class << self
      def marshall_request(raw)
        [raw['Lambda-Runtime-Aws-Request-Id'], raw.body]
      end

      def marshall_response(value)
        [value.inspect, 'text/plain']
      end
    end
  end
end

def handler(event:, context:)
  event
end
"""
    result = ruby(source, events=[Event(1)])
    assert result.only.headers["content-type"] == "text/plain" and result.only.raw.decode() == '["%s", "1"]' % FIRST


def test_unwritable_answers(ruby):
    body = ruby("def handler(event:, context:)\n  [Float::NAN]\nend").only.body
    assert body["errorType"] == "Function<JSON::GeneratorError>"
    body = ruby("def handler(event:, context:)\n  a = []\n  a << a\nend").only.body
    assert body["errorType"] == "Function<JSON::NestingError>"


def test_libraries_that_awss_client_loads_are_there(ruby):
    source = """
def handler(event:, context:)
  [Logger.new($stdout).class, Net::HTTP.name, URI('http://x/').host, Time.parse('2026-01-02T03:04:05Z').utc.iso8601,
   Time.at(0).utc.httpdate, StringIO.new('s').read, Date.new(2026, 1, 2).to_s, JSON.generate([1])]
end
"""
    expected = ["Logger", "Net::HTTP", "x", "2026-01-02T03:04:05Z", "Thu, 01 Jan 1970 00:00:00 GMT", "s", "2026-01-02", "[1]"]
    assert answers(ruby(source)) == [expected]


GEM = {
    "specifications/tiny-1.2.gemspec": "Gem::Specification.new do |s|\n  s.name = 'tiny'\n  s.version = '1.2'\n  s.summary = 's'\n  s.authors = ['a']\n  s.files = ['lib/tiny.rb']\n  s.require_paths = ['lib']\nend\n",
    "gems/tiny-1.2/lib/tiny.rb": "TINY = Gem.loaded_specs['tiny'].version.to_s",
}


@pytest.mark.parametrize("line", ["require 'tiny'", "gem 'tiny', '>= 1'; require 'tiny'", "Gem::Version.new('1'); require 'tiny'"])
@pytest.mark.parametrize("place", ["task", "layer"])
def test_gems_of_functions_and_layers(ruby, tmp_path, line, place):
    root = "vendor/bundle/ruby/3.0.0/" if place == "task" else "../layer/"
    files = {"app.rb": "%s\ndef handler(event:, context:)\n  TINY\nend" % line, **{root + name: text for name, text in GEM.items()}}
    path = str(tmp_path / "task" / root.rstrip("/")) if place == "task" else str(tmp_path / "layer")
    assert answers(ruby(files, env={"GEM_PATH": path})) == ["1.2"]


def test_gems_are_not_loaded_before_they_are_asked_for(ruby, origin):
    """Loading RubyGems takes longer than everything else of a cold start: a zygote has done so, but even its forks do not
    search gems before that."""
    source = "def handler(event:, context:)\n  [$LOADED_FEATURES, Kernel.instance_method(:require).source_location.first]\nend"
    [[loaded, require]] = answers(ruby(source))
    heavy = [name for name in loaded if name.endswith(("/rubygems.rb", "/net/http.rb", "/logger.rb", "/time.rb"))]
    assert len(heavy) == (4 if origin == "forked" else 0) and require.endswith("bootstrap.rb")
    source = "def handler(event:, context:)\n  Gem.name if event == 2\n  gem 'none'\nrescue LoadError => e\n  e.class.name\nend"
    assert answers(ruby(source, events=[Event(1), Event(2)])) == ["Gem::MissingSpecError"] * 2


def test_the_same_names_are_there_however_it_starts(ruby):
    """What a zygote has loaded besides is not visible, lest a function that forgets to require it works now and then."""
    source = "def handler(event:, context:)\n  [%w[Digest Gem Logger Net OpenSSL Timeout Zlib], %w[Psych SecureRandom Tempfile]].map { |names| " \
        "names.map { |name| !!Object.const_get(name) rescue false }.uniq }\nend"
    assert answers(ruby(source)) == [[[True], [False]]]


OWN = {
    # Ruby alone: forgotten.
    "logger": ("logger.rb", "module Logger; end\nMINE = 'logger'", "Logger.class"),
    "net": ("net/http.rb", "MINE = 'net'", "defined?(Net::HTTP).inspect"),
    # With a library in C: the interpreter starts anew.
    "date": ("date.rb", "class Date; NAME = 'own'; end\nMINE = 'date'", "Date::NAME"),
    "openssl": ("openssl/digest.rb", "MINE = 'openssl'", "$LOADED_FEATURES.grep(/openssl/).size.to_s"),
}


@pytest.mark.parametrize("name", OWN)
def test_own_libraries_come_before_the_interpreters(ruby, name):
    """AWS's RUBYLIB begins with the function's code, whatever a zygote has loaded already."""
    path, text, shown = OWN[name]
    source = "require '%s'\nDONE = ENV.keys.grep(/APUS/)\ndef handler(event:, context:)\n  [MINE, %s, DONE, event]\nend" % (path[:-3], shown)
    expected = {"logger": "Module", "net": "nil", "date": "own", "openssl": "1"}[name]
    assert answers(ruby({"app.rb": source, path: text}, events=[Event(1), Event(2)])) == [[name, expected, [], 1], [name, expected, [], 2]]


@pytest.mark.parametrize("library", ["logger", "date"])
def test_gems_with_a_librarys_name_come_before_it(ruby, tmp_path, library):
    """RubyGems prefers a newer gem to the library that the interpreter has by the same name."""
    files = {name.replace("tiny", library).replace("1.2", "99.2"): text.replace("tiny", library).replace("1.2", "99.2").replace("TINY", "OWN_GEM")
             for name, text in GEM.items()}  # fmt: skip
    source = "require '%s'\ndef handler(event:, context:)\n  OWN_GEM\nend" % library
    files = {"app.rb": source, **{"vendor/bundle/ruby/3.0.0/" + name: text for name, text in files.items()}}
    assert answers(ruby(files, env={"GEM_PATH": str(tmp_path / "task/vendor/bundle/ruby/3.0.0")})) == ["99.2"]


def test_generators_of_libraries_are_seeded_anew(ruby, tmp_path, origin):
    """`Random.new` in a library that was loaded before a fork would give the same numbers in every environment."""
    (tmp_path / "early.rb").write_text("EARLY = Random.new\nFIRST = EARLY.dup.rand")
    source = "def handler(event:, context:)\n  [EARLY.rand, FIRST, rand]\nend"
    [[drawn, first, other]] = answers(ruby(source, env={"RUBYOPT": "-r%s/early" % tmp_path}))
    assert len({drawn, other, first}) == (3 if origin == "forked" else 2)


def test_what_was_there_before_the_function_is_old(ruby, origin):
    """Collections then leave it alone, and its memory shared."""
    source = "OLD = GC.stat(:old_objects).fdiv(GC.stat(:heap_live_slots))\ndef handler(event:, context:)\n  [OLD > 0.5, Thread.list.size]\nend"
    [[old, threads]] = answers(ruby(source))
    assert (old or origin != "forked") and threads == 1


JSON_LOGS = """
require 'logger'
EARLY = Logger.new($stdout)
EARLY.info('early')
def handler(event:, context:)
  log = Logger.new(nil)
  log.debug('quiet')
  log.info("two\\nlines \\xff")
  Logger.new($stderr, level: Logger::DEBUG).debug({ 'k' => [1] })
  begin
    raise KeyError, 'gone'
  rescue KeyError => e
    EARLY.error(e)
  end
  EARLY.info { 'late' }
  Logger.new($stdout, formatter: proc { |severity, _, _, text| "#{severity}: #{text}\\n" }).warn('own')
  Logger.new(File.open('/tmp/log' + $$.to_s, 'w')).fatal('elsewhere')
  puts 'plain'
  raise ArgumentError, 'boom' if event == 2
end
"""


def test_json_logs(ruby):
    """AWS's client from its pull request 58 on: `timestamp`, `level`, `message` and `requestId`."""
    result = ruby(JSON_LOGS, events=[Event(1), Event(2)], env={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"})
    lines = result.output.splitlines()
    assert [line for line in lines if not line.startswith("{")] == ["WARN: own", "plain"] * 2
    records = [json.loads(line) for line in lines if line.startswith("{")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp")) for record in records)
    assert records[0] == {"level": "INFO", "message": "early"}
    request = {"requestId": FIRST}
    assert records[1] == {"level": "INFO", "message": "two\nlines \ufffd", **request}
    assert records[2]["level"] == "DEBUG" and records[2]["message"] in ('{"k"=>[1]}', '{"k" => [1]}')
    assert (records[3]["level"], records[3]["message"], records[3]["errorType"]) == ("ERROR", "gone", "KeyError")
    assert "app.rb" in records[3]["stackTrace"][0]
    assert records[4] == {"level": "INFO", "message": "late", **request}
    assert records[5]["requestId"] == REQUEST_ID % 1
    failed = records[-1]
    assert (failed["level"], failed["message"]) == ("ERROR", "Error raised from handler method")
    assert (failed["errorType"], failed["errorMessage"]) == ("Function<ArgumentError>", "boom")
    assert failed["requestId"] == REQUEST_ID % 1 and failed["stackTrace"]


@pytest.mark.parametrize("level, shown", [("TRACE", "dief"), ("DEBUG", "dief"), ("INFO", "ief"), ("ERROR", "ef"), ("FATAL", "f"), ("", "ief")])
def test_levels_of_json_logs(ruby, level, shown):
    source = "def handler(event:, context:)\n  log = Logger.new($stdout)\n  log.debug('d')\n  log.info('i')\n  log.error('e')\n  log.fatal('f')\nend"
    result = ruby(source, env={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level})
    assert "".join(json.loads(line)["message"] for line in result.output.splitlines()) == shown


def test_output_is_complete_and_in_order(ruby):
    source = "def handler(event:, context:)\n  puts 'one'\n  warn 'two'\n  $stderr.puts 'three'\n  print 'four'\nend"
    assert ruby(source).output.splitlines() == ["one", "two", "three", "four"]


@pytest.mark.parametrize("code, status", [("exit!(3)", 3), ("Process.kill(:KILL, $$); sleep", -9)])
def test_exit_is_left_to_the_platform(ruby, code, status):
    result = ruby("def handler(event:, context:)\n  puts 'last words'\n  " + code + "\nend")
    assert (result.posts, result.status, result.output) == ([], status, "last words\n")


def test_refused_answers_do_not_end_the_environment(ruby):
    result = ruby("def handler(event:, context:)\n  event\nend", events=[Event(1), Event(2)], statuses={"response": 413})
    assert [post.raw for post in result.posts] == [b"1", b"2"]
