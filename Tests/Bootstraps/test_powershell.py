"""The PowerShell bootstrap. Expectations: the readme and the scripts of AWS's open runtime for PowerShell
(awslabs/aws-lambda-powershell-runtime), whose handlers, variables and documents it takes over.

Where there is no `pwsh`, which no package registry of these tests' machines has, the tests that need one are skipped, and
the script is only read by a grammar of the language."""

import os
import shutil
import stat
import subprocess

import pytest
from mock_runtime import BOOTSTRAPS, REQUEST_ID, TRACE, Event, run

PWSH = shutil.which("pwsh")
FIRST = REQUEST_ID % 0


@pytest.fixture(params=[PWSH] if PWSH else [pytest.param(None, marks=pytest.mark.skip("no PowerShell (pwsh)"))])
def pwsh(request, tmp_path):
    def invoke(files, handler="app.ps1", events=(Event(),), env=None, **more):
        if isinstance(files, str):
            files = {"app.ps1": files}
        task = tmp_path / "task"
        task.mkdir(exist_ok=True)
        command = ["/bin/sh", str(BOOTSTRAPS / "bootstrap-powershell.sh"), request.param]
        return run(command, task, files, handler, events, env, **more)

    return invoke


def answers(result):
    assert [post.kind for post in result.posts] == ["response"] * len(result.posts), result.output
    return [post.body for post in result.posts]


FUNCTION = "function Invoke-Hello($event, $context) { @{ got = $event.name; id = $context.AwsRequestId } }"


@pytest.mark.parametrize("files, handler", [
    ({"app.ps1": "param($event, $context) @{ got = $event.name; id = $context.AwsRequestId }"}, "app.ps1"),
    ({"app.ps1": "@{ got = $LambdaInput.name; id = $LambdaContext.AwsRequestId }"}, "app.ps1"),
    ({"lib/app.ps1": FUNCTION}, "lib/app.ps1::Invoke-Hello"),
    ({"modules/Hello/Hello.psm1": FUNCTION}, "Module::Hello::Invoke-Hello"),
])  # fmt: skip
def test_handler_forms(pwsh, files, handler):
    assert answers(pwsh(files, handler, [Event({"name": "ü"})])) == [{"got": "ü", "id": FIRST}]


def test_answers(pwsh):
    source = """switch ($LambdaInput.want) {
        'text' { 'plain' } 'json' { '{"a":[1]}' } 'nothing' { } 'many' { 1; 2 } 'one' { ,@(1) }
        'deep' { @{ a = @{ b = @{ c = @{ d = 1 } } } } } 'streams' { Write-Host 'told'; Write-Warning 'warned'; Write-Output 3 } }"""
    wants = ["text", "json", "nothing", "many", "streams"]
    result = pwsh(source, events=[Event({"want": want}) for want in wants])
    assert [post.raw for post in result.posts] == [b"plain", b'{"a":[1]}', b"", b"[1,2]", b"3"]
    assert "told" in result.output and "warned" in result.output


def test_serves_many_events_on_one_connection_and_keeps_globals(pwsh):
    source = "$script:n = 0\nfunction Invoke-Hello($event) { $script:n += 1; $script:n }"
    result = pwsh(source, "app.ps1::Invoke-Hello", [Event(i) for i in range(5)])
    assert answers(result) == [1, 2, 3, 4, 5]
    assert result.connections == 1


def test_context(pwsh):
    source = """$c = $LambdaContext
    @{ left = $c.getRemainingTimeInMillis(); time = $c.RemainingTime.GetType().Name; trace = $env:_X_AMZN_TRACE_ID
       rest = @($c.FunctionName, $c.FunctionVersion, $c.InvokedFunctionArn, $c.MemoryLimitInMB, $c.LogGroupName, $c.LogStreamName) }"""
    (body,) = answers(pwsh(source))
    assert 15_000 < body["left"] <= 20_000 and body["time"] == "TimeSpan" and body["trace"] == TRACE % 0
    assert body["rest"] == [
        "hello", "7", "arn:aws:lambda:us-east-1:123456789012:function:hello:live", 256, "/aws/lambda/hello",
        "2026/01/02/[7]abc"]  # fmt: skip


def test_errors_of_handlers(pwsh):
    source = "if ($LambdaInput -eq 1) { throw [System.IO.IOException]::new('boom é') } else { throw 'plain' }"
    result = pwsh(source, events=[Event(1), Event(2)])
    assert [post.kind for post in result.posts] == ["error", "error"] and result.status is None
    first, second = (post.body for post in result.posts)
    assert (first["errorMessage"], first["errorType"]) == ("boom é", "IOException")
    assert (second["errorMessage"], second["errorType"]) == ("plain", "RuntimeException")
    assert "app.ps1" in first["stackTrace"][0] and result.posts[0].error_type == "IOException"
    assert "boom é" in result.output


@pytest.mark.parametrize("files, handler", [
    ({}, "gone.ps1"), ({"app.ps1": "throw 'no'"}, "app.ps1::Hello"), ({"app.ps1": ""}, "app.ps1::Gone"),
    ({"app.ps1": "function {"}, "app.ps1"), ({}, "Module::Gone::Hello"), ({}, "app.handler"),
])  # fmt: skip
def test_errors_of_initialisation(pwsh, files, handler):
    result = pwsh(files, handler)
    assert (result.only.path, result.status, result.nexts) == ("/init/error", 1, 0)
    assert set(result.only.body) == {"errorMessage", "errorType", "stackTrace"}


def errors(source):
    """What a grammar of the language does not understand in a script: line and text."""
    import tree_sitter
    import tree_sitter_powershell

    tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language())).parse(source)
    found, nodes = [], [tree.root_node]
    while nodes:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            found.append((node.start_point[0] + 1, node.text))
        nodes += node.children
    return found


def test_the_script_is_powershell():
    source = (BOOTSTRAPS / "bootstrap.ps1").read_bytes()
    assert errors(source) == []
    # The grammar does see mistakes.
    for damage in [(b"while ($true) {", b"while ($true) "), (b"catch {", b"catch "), (b"'init/error'", b"'init/error")]:
        assert source.count(damage[0]) and errors(source.replace(*damage, 1)), damage


@pytest.fixture
def stand_in(tmp_path):
    """A program in the place of pwsh that tells how it was called; what is run in its stead too."""

    def call(brings=None, **variables):
        program = tmp_path / "pwsh"
        program.write_text('#!/bin/sh\nprintf "%s\\n" pwsh "$@" "$HOME" "$DOTNET_GCHeapHardLimit" "$POWERSHELL_TELEMETRY_OPTOUT"\n')
        task = tmp_path / "task"
        task.mkdir()
        if brings:
            (task / "bootstrap").write_text("#!/bin/sh\necho own bootstrap\n")
        for path in (program, task / "bootstrap"):
            if path.exists():
                path.chmod(path.stat().st_mode | stat.S_IXUSR)
        environment = {"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": str(task), **variables}
        script = BOOTSTRAPS / "bootstrap-powershell.sh"
        return subprocess.run(["/bin/sh", script, program], env=environment, capture_output=True, text=True, check=True).stdout.split("\n")

    return call


def test_how_powershell_is_started(stand_in):
    said = stand_in(AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1000")
    assert said[:6] == ["pwsh", "-NoLogo", "-NoProfile", "-NonInteractive", "-File", str(BOOTSTRAPS / "bootstrap.ps1")]
    assert said[6:9] == ["/tmp", "%x" % (1000 * 1048576 // 10 * 9), "1"]


def test_what_the_environment_says_is_kept(stand_in):
    assert stand_in(HOME="/home/x", DOTNET_GCHeapHardLimit="ff", POWERSHELL_TELEMETRY_OPTOUT="0")[6:9] == ["/home/x", "ff", "0"]


def test_a_bootstrap_of_the_functions_own_goes_first(stand_in):
    assert stand_in(brings=True)[0] == "own bootstrap"
