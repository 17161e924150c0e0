"""Ruby functions. Expectations: the Lambda developer guide's pages about Ruby and AWS's own Ruby client."""

import json
import re
import shutil
import subprocess

import pytest

from conftest import wait_until

RUBY = shutil.which("ruby")
pytestmark = pytest.mark.skipif(RUBY is None, reason="there is no ruby on this machine")

SETTINGS = {"Runtime": "ruby3.3", "Handler": "lambda_function.lambda_handler"}
HELLO = "def lambda_handler(event:, context:)\n  $calls = ($calls || 0) + 1\n  puts \"call #{$calls}\"\n  [$calls, event, context.function_name]\nend"


def invoke(client, function, payload, **options):
    answer = client.invoke(FunctionName=function, Payload=json.dumps(payload), **options)
    return answer, json.loads(answer["Payload"].read())


def test_warm_and_cold(deploy, lambda_client):
    function = deploy(files={"lambda_function.rb": HELLO}, **SETTINGS)
    assert invoke(lambda_client, function, {"a": "é"})[1] == [1, {"a": "é"}, function]
    assert invoke(lambda_client, function, 5)[1] == [2, 5, function]


def test_another_version_says_so_in_the_log(deploy, lambda_client, server):
    if subprocess.run([RUBY, "-v"], capture_output=True, text=True).stdout.startswith("ruby 3.3"):
        pytest.skip("this machine has the version that the test asks for")
    function = deploy(files={"lambda_function.rb": HELLO}, **SETTINGS)
    invoke(lambda_client, function, {})
    logs = server.client("logs")

    def messages():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        text = "".join(event["message"] for event in events)
        return text if "REPORT" in text else None

    text = wait_until(messages, what="the log")
    assert re.search(r"Runtime ruby3\.3 is not installed here; Ruby \d\.\d\.\d+ serves it\.", text)
    assert "INIT_START Runtime Version: ruby:3.3" in text


def test_errors(deploy, lambda_client):
    source = "class Oops < StandardError; end\ndef lambda_handler(event:, context:)\n  raise Oops, 'boom' if event['raise']\n  event['gone'] ? gone : Process.pid\nend"
    function = deploy(files={"lambda_function.rb": source}, **SETTINGS)
    answer, document = invoke(lambda_client, function, {"raise": True})
    assert answer["FunctionError"] == "Unhandled"
    assert (document["errorMessage"], document["errorType"]) == ("boom", "Function<Oops>")
    assert document["stackTrace"][0].startswith("/var/task/lambda_function.rb:3:in ")
    # A name that does not exist ends the environment: the next invocation has a fresh one.
    document = invoke(lambda_client, function, {"gone": True})[1]
    assert document["errorType"] == "Function<NameError>"
    assert "errorType" not in invoke(lambda_client, function, {})[0] and isinstance(invoke(lambda_client, function, {})[1], int)


def test_initialisation_errors(deploy, lambda_client):
    function = deploy(files={"lambda_function.rb": "require 'no_such_gem'"}, **SETTINGS)
    answer, document = invoke(lambda_client, function, {})
    assert answer["FunctionError"] == "Unhandled" and document["errorType"] == "Init<LoadError>"
    assert document["errorMessage"] == "cannot load such file -- no_such_gem"


GEM = {
    "specifications/tiny-1.2.gemspec": "Gem::Specification.new do |s|\n  s.name = 'tiny'\n  s.version = '1.2'\n  s.summary = 's'\n  s.authors = ['a']\n  s.files = ['lib/tiny.rb']\n  s.require_paths = ['lib']\nend\n",
    "gems/tiny-1.2/lib/tiny.rb": "TINY = Gem.loaded_specs['tiny'].version.to_s",
}


def test_bundled_gems_nested_handlers_and_the_standard_library(deploy, lambda_client):
    source = "require 'tiny'\nrequire 'openssl'\nrequire 'yaml'\nmodule App\n  class Main\n    def self.run(event:, context:)\n      [TINY, OpenSSL::Digest::SHA256.hexdigest('x')[0, 4], YAML.load('a: 1'), ENV['GEM_PATH'].split(':').first(2)]\n    end\n  end\nend"
    files = {"source.rb": source, **{f"vendor/bundle/ruby/3.3.0/{name}": text for name, text in GEM.items()}}
    function = deploy(files=files, Runtime="ruby3.3", Handler="source.App::Main.run")
    tiny, digest, yaml, paths = invoke(lambda_client, function, {})[1]
    assert (tiny, digest, yaml) == ("1.2", "2d71", {"a": 1}) and paths[0] == "/var/task/vendor/bundle/ruby/3.3.0"


def test_the_users_home_and_gems_are_not_there(deploy, lambda_client):
    source = "def lambda_handler(event:, context:)\n  [(Dir.children('/root') rescue []), (Dir.children('/home') rescue []), Process.uid, ENV['AWS_EXECUTION_ENV']]\nend"
    function = deploy(files={"lambda_function.rb": source}, **SETTINGS)
    root, homes, user, environment = invoke(lambda_client, function, {})[1]
    assert (root, homes, user, environment) == ([], [], 993, "AWS_Lambda_ruby3.3")


def test_json_logs(deploy, lambda_client, server):
    source = "require 'logger'\ndef lambda_handler(event:, context:)\n  log = Logger.new($stdout)\n" \
        "  log.info('quiet')\n  log.warn(\"loud\\nand long\")\n  puts 'plain'\n  raise 'boom' if event == 2\nend"
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    function = deploy(files={"lambda_function.rb": source}, LoggingConfig=logging, **SETTINGS)
    invoke(lambda_client, function, 1)
    assert invoke(lambda_client, function, 2)[1]["errorType"] == "Function<RuntimeError>"
    logs = server.client("logs")

    def messages():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        lines = [event["message"].rstrip("\n") for event in events]
        return lines if sum("platform.report" in line for line in lines) == 2 else None

    lines = wait_until(messages, what="the log")
    assert lines.count("plain") == 2
    records = [json.loads(line) for line in lines if line.startswith("{")]
    requests = [record["record"]["requestId"] for record in records if record.get("type") == "platform.report"]
    own = [record for record in records if "requestId" in record]
    assert [(o["level"], o["message"], o["requestId"]) for o in own] == [
        ("WARN", "loud\nand long", requests[0]), ("WARN", "loud\nand long", requests[1]),
        ("ERROR", "Error raised from handler method", requests[1]),
    ]
    assert (own[2]["errorType"], own[2]["errorMessage"]) == ("Function<RuntimeError>", "boom")
