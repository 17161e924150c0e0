""".NET functions, compiled by Mono's C# compiler for the .NET that `apus runtimes install` gets.

Expectations: AWS's documentation of C# handlers (docs.aws.amazon.com/lambda/latest/dg/csharp-handler.html) and the texts
of its runtime support library.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from conftest import APUS, ROOT, Server, wait_until

SOURCES = pathlib.Path(__file__).parent / "dotnet"
# What `dotnet8` is served by here: the one .NET that a package registry has.
INSTALLED = "dotnetcore3.1"


@pytest.fixture(scope="module")
def dotnet_server():
    """A server that finds the installed .NET in its data directory."""
    if not shutil.which("mcs"):
        pytest.skip("there is no C# compiler: apt-get install mono-mcs")
    home = pathlib.Path(tempfile.mkdtemp(prefix="apus-test-dotnet-"))
    home.chmod(0o755)
    installed = subprocess.run(
        [APUS, "runtimes", "install", INSTALLED, "--data", home / "data"], capture_output=True, text=True, timeout=600)
    if installed.returncode != 0:
        shutil.rmtree(home)
        pytest.skip(f"{INSTALLED} cannot be had: {installed.stderr.strip().splitlines()[-1]}")
    server = Server(data=home).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def framework(dotnet_server):
    """The directory of the framework's assemblies, to compile against."""
    return next((dotnet_server.data / "runtimes" / INSTALLED).glob("bin/shared/Microsoft.NETCore.App/*"))


@pytest.fixture(scope="module")
def compiled(framework, tmp_path_factory):
    """Compiles a source: `compiled("Functions", "Core")` is the bytes of Functions.dll, which refers to Core's."""
    place = tmp_path_factory.mktemp("dotnet")
    references = [f"-r:{dll}" for dll in framework.glob("System.*.dll") if not dll.name.endswith("Native.dll")]
    names = {"Core": "Amazon.Lambda.Core"}

    def compile(name, *needs, target="library"):
        out = place / f"{names.get(name, name)}.dll"
        if not out.exists():
            own = [f"-r:{place}/{names.get(need, need)}.dll" for need in needs]
            ended = subprocess.run(
                ["mcs", "-nologo", "-noconfig", "-nostdlib", "-warn:0", f"-target:{target}", f"-out:{out}", *references, *own,
                 SOURCES / f"{name}.cs"], capture_output=True, text=True)
            assert ended.returncode == 0, ended.stdout + ended.stderr
        return out.read_bytes()

    return compile


@pytest.fixture(scope="module")
def functions(compiled):
    core = compiled("Core")
    return {"Amazon.Lambda.Core.dll": core, "Functions.dll": compiled("Functions", "Core")}


@pytest.fixture
def client(dotnet_server):
    return dotnet_server.client()


@pytest.fixture(params=[False, True], ids=["started", "any"])
def create(request, client, deploy):
    """Deploys. What sets a variable that .NET reads at its start is not run in what was started ahead."""
    def make(files, handler, **settings):
        variables = {**settings.pop("Environment", {}).get("Variables", {}), **({} if request.param else {"DOTNET_APUS": "1"})}
        settings = {"Runtime": "dotnet8", "MemorySize": 256, "Timeout": 30, "Environment": {"Variables": variables}, **settings}
        return deploy(files=files, client=client, Handler=handler, **settings)

    return make


def invoke(client, function, event=None, **settings):
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail", **settings)
    payload = answer["Payload"].read()
    return answer.get("FunctionError"), json.loads(payload) if payload else None, base64.b64decode(answer["LogResult"]).decode()


PERSON = {"name": "Ada", "age": 36}


@pytest.mark.parametrize("method, event, expected", [
    ("Streams", {"a": [1, "é"]}, {"got": {"a": [1, "é"]}}),
    ("StreamLater", "text", {"got": "text"}),
    ("Poco", PERSON, {"Name": "ADA", "Age": 37}),
    ("Text", "hello", "hello!"),
    ("Static", 21, 42),
    ("Hidden", 5, -5),
    ("Nothing", PERSON, None),
    ("NothingLater", PERSON, None),
])
def test_handlers(create, client, functions, method, event, expected):
    function = create(functions, f"Functions::Test.Shapes::{method}")
    error, answer, log = invoke(client, function, event)
    assert error is None and answer == expected, (answer, log)


def test_an_object_lives_as_long_as_its_environment(create, client, functions):
    function = create(functions, "Functions::Test.Shapes::Count")
    assert [invoke(client, function)[1] for _ in range(3)] == [1, 2, 3]


def test_an_inherited_handler(create, client, functions):
    function = create(functions, "Functions::Test.Derived::Inherited")
    assert invoke(client, function, "x")[1] == "inherited x"


# https://docs.aws.amazon.com/lambda/latest/dg/powershell-package.html: AWSLambdaPSCore's packages are .NET functions. The
# assemblies of PowerShell that they bring cannot be had here; what is ours of it, loading such a package, can.
def test_packages_in_the_shape_of_powershells(create, client, compiled):
    files = {
        "Amazon.Lambda.Core.dll": compiled("Core"), "ScriptHost.dll": compiled("ScriptHost", "Core"),
        "Scripted.dll": compiled("Scripted", "Core", "ScriptHost"), "Scripted.ps1": "1,"}
    function = create(files, "Scripted::Scripted.Bootstrap::ExecuteFunction")
    assert invoke(client, function, {"a": 2})[1] == [function, 1, {"a": 2}]


def test_tasks_and_the_context_together(create, client, functions):
    function = create(functions, "Functions::Test.Shapes::PocoLater")
    assert invoke(client, function, PERSON)[1] == {"Name": f"Ada{len(function)}", "Age": 36}


def test_the_context(create, client, functions):
    function = create(functions, "Functions::Test.Shapes::Context", MemorySize=192)
    given = {"client": {"app_title": "title"}, "custom": {"key": "value"}, "env": {"locale": "en"}}
    error, answer, log = invoke(client, function, None, ClientContext=base64.b64encode(json.dumps(given).encode()).decode())
    assert error is None, answer
    assert answer["name"] == function and answer["version"] == "$LATEST" and answer["memory"] == 192
    assert answer["arn"].endswith(f":function:{function}") and answer["id"] in log
    assert answer["group"] == f"/aws/lambda/{function}" and "[$LATEST]" in answer["stream"]
    assert 0 < answer["remaining"] <= 30_000
    assert (answer["title"], answer["custom"], answer["environment"]) == ("title", "value", "en")
    assert answer["trace"].startswith("Root=") and answer["execution"] == "AWS_Lambda_dotnet8"
    assert answer["identity"] is None


SAME = {"tfm": "netcoreapp3.1", "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
        "configProperties": {"System.Runtime.Serialization.EnableUnsafeBinaryFormatterSerialization": False}}  # fmt: skip
OTHER = {"framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"}, "configProperties": {"System.GC.Server": True}}


@pytest.mark.parametrize("create", [True], indirect=True)
@pytest.mark.parametrize("ahead, options, extra", [
    (True, None, {}), (True, SAME, {}), (False, OTHER, {}), (False, None, {"EMPTY": ""}), (False, None, {"DOTNET_gcServer": "0"}),
], ids=["ahead", "same", "configured", "empty", "setting"])  # fmt: skip
def test_what_a_function_finds_however_its_environment_came_to_be(create, client, functions, ahead, options, extra):
    """Started ahead, or, where .NET must be told something from the start, for this function."""
    files = {**functions, **({"Functions.runtimeconfig.json": json.dumps({"runtimeOptions": options})} if options else {})}
    variables = {"OWN": "grün=1", "TZ": "Asia/Tokyo", **extra}
    function = create(files, "Functions::Test.Shapes::Surroundings", Environment={"Variables": variables}, MemorySize=320)
    for round in range(60):
        error, found, log = invoke(client, function)
        assert error is None, (found, log)
        if found["ahead"] == ahead:
            break
        # The launcher makes sandboxes ahead while it has nothing else to do: another revision, another environment.
        client.update_function_configuration(FunctionName=function, Description=str(round))
        client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1200})
    assert found["ahead"] == ahead
    assert {name: found["variables"].get(name) for name in variables} == variables and found["native"] == "grün=1"
    assert found["variables"]["AWS_LAMBDA_FUNCTION_NAME"] == function and "APUS_BINDING" not in found["variables"]
    assert {f"{name}={value}" for name, value in found["variables"].items()} <= set(found["inherited"].split("\n"))
    assert (found["here"], found["directory"], found["zone"]) == (True, "/var/task", 9)
    # .NET's own: what locks its named mutexes, and pipes of a debugger that it does not open.
    assert [path for path in found["temporary"] if not path.startswith("/tmp/.dotnet")] == []


def test_logs_have_time_request_and_level(create, client, functions):
    function = create(functions, "Functions::Test.Shapes::Logs")
    _, request, log = invoke(client, function, PERSON)
    lines = [line.split("\t") for line in log.split("\n") if "\t" in line and not line.startswith("REPORT")]
    stamped = {tuple(line[2:]) for line in lines if line[1] == request and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line[0])}
    assert stamped >= {("info", "to the console"), ("fail", "to the errors"), ("dbug", "a level"), ("warn", "a warning"),
                       ("info", "1 of two")}
    # One record is one event: its own line ends are carriage returns there, as those of Node.js are on AWS.
    assert ("info", "a line\rof two") in stamped
    assert any(line[0] == "fail" and "an error 7" in line[1] and "InvalidOperationException: inner" in line[1] for line in stamped)
    assert "in pieces\n" in log and "raw\n" in log


def test_json_logs_and_levels(create, client, functions):
    function = create(
        functions, "Functions::Test.Shapes::Logs",
        Environment={"Variables": {"AWS_LAMBDA_HANDLER_LOG_FORMAT": "json", "AWS_LAMBDA_HANDLER_LOG_LEVEL": "warn"}})
    _, request, log = invoke(client, function, PERSON)
    records = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [(record["level"], record["message"], record["requestId"]) for record in records] == [
        ("Error", "to the errors", request), ("Warning", "a warning", request), ("Error", "an error 7", request)]
    assert records[2]["errorType"] == "System.InvalidOperationException" and records[2]["errorMessage"] == "inner"


def test_an_exception_is_the_functions_error(create, client, functions):
    function = create(functions, "Functions::Test.Shapes::Fails")
    error, answer, log = invoke(client, function, PERSON)
    assert error == "Unhandled"
    assert answer["errorType"] == "ArgumentException" and answer["errorMessage"] == "no such Ada"
    assert any("Test.Shapes.Fails" in frame for frame in answer["stackTrace"])
    assert answer["cause"]["errorType"] == "FormatException" and answer["cause"]["errorMessage"] == "cause"
    assert "System.ArgumentException: no such Ada" in log
    assert invoke(client, function, {})[1]["errorMessage"] == "no such "


def test_a_failed_task_is_its_exception(create, client, functions):
    function = create(functions, "Functions::Test.Shapes::FailsLater")
    error, answer, _ = invoke(client, function, PERSON)
    assert (error, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "KeyNotFoundException", "later")


def test_an_event_that_does_not_fit(create, client, functions):
    function = create(functions, "Functions::Test.Shapes::Poco")
    error, answer, _ = invoke(client, function, [1])
    assert (error, answer["errorType"]) == ("Unhandled", "JsonException")


@pytest.mark.parametrize("handler, message", [
    ("a::b::c::d", "Could not find the specified handler assembly with the file name 'a, Culture=neutral, PublicKeyToken=null'"),
    ("Functions::Test", "Invalid lambda function handler: 'Functions::Test'. The valid format is 'ASSEMBLY::TYPE::METHOD'."),
    ("Functions::::Handle", "Invalid lambda function handler: 'Functions::::Handle', the type is missing."),
    ("Functions::Test.None::Handle", "Unable to load type 'Test.None' from assembly 'Functions'."),
    ("Functions::Test.Shapes::None", "Unable to find method 'None' in type 'Test.Shapes' from assembly 'Functions': "
     "Found no methods matching method name 'None'."),
    ("Functions::Test.Shapes::Overloaded", "appears to have a number of overloads"),
    ("Functions::Test.Shapes::AsyncVoid", "because it is an 'async void' method"),
    ("Functions::Test.Shapes::Generic", "because it is a generic method"),
    ("Functions::Test.Shapes::Three", "the method has more than 2 parameters"),
    ("Functions::Test.Shapes::NoContext", "the second parameter is not of type 'Amazon.Lambda.Core.ILambdaContext'"),
    ("Functions::Test.Abstract::Handle", "because its type 'Test.Abstract' is abstract"),
])
def test_handlers_that_are_refused(create, client, functions, handler, message):
    function = create(functions, handler)
    error, answer, _ = invoke(client, function, "x")
    assert error == "Unhandled" and answer["errorType"] == "LambdaValidationException", answer
    assert message in answer["errorMessage"]


def test_a_constructor_that_throws(create, client, functions):
    function = create(functions, "Functions::Test.Throws::Handle")
    error, answer, _ = invoke(client, function, "x")
    assert (error, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "NotSupportedException", "not today")


def test_without_a_serializer_only_streams_pass(create, client, compiled):
    files = {"Bare.dll": compiled("Bare")}
    function = create(files, "Bare::Bare::Handle")
    error, answer, _ = invoke(client, function, "x")
    assert answer["errorMessage"].startswith("Could not find the LambdaSerializerAttribute on the assembly 'Bare' or method 'Handle'")
    client.update_function_configuration(FunctionName=function, Handler="Bare::Bare::Streams")
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05})
    assert invoke(client, function, {"any": 1})[1] == {"any": 1}


def test_what_is_no_assembly(create, client):
    function = create({"Bad.dll": b"MZ nothing"}, "Bad::Bad::Handle")
    error, answer, _ = invoke(client, function, "x")
    assert (error, answer["errorMessage"]) == ("Unhandled", "Unable to load assembly 'Bad'.")


@pytest.mark.parametrize("handler", ["Executable", "Executable.dll"])
def test_an_executable_assembly(create, client, compiled, handler):
    function = create({"Executable.dll": compiled("Executable", target="exe")}, handler)
    assert invoke(client, function, {"n": 1})[1] == {"main": {"n": 1}}
    assert invoke(client, function, {"n": 2})[1] == {"main": {"n": 2}}


def test_an_executable_that_is_not_there(create, client):
    function = create({"other.txt": ""}, "Missing")
    error, answer, log = invoke(client, function)
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ExitError") and "exit status 104" in answer["errorMessage"]
    assert "executable assembly /var/task/Missing.dll" in log


def test_memory_ends_with_an_exception_and_not_with_the_sandbox(create, client, compiled):
    """The limit that .NET is told: a function may catch what goes past it."""
    function = create({"Hungry.dll": compiled("Hungry")}, "Hungry::Hungry::Eat", MemorySize=256)
    error, answer, _ = invoke(client, function, None)
    assert error is None and answer == "OutOfMemoryException"


def test_another_version_serves_and_the_log_says_so(dotnet_server, create, client, functions):
    function = create(functions, "Functions::Test.Shapes::Text")
    invoke(client, function, "x")
    logs = dotnet_server.client("logs")
    events = wait_until(lambda: logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"], what="the log")
    expected = r"Runtime dotnet8 is not installed here; \.NET 3\.1\.\d+ serves it\."
    assert any(re.search(expected, event["message"]) for event in events)


def test_the_example(dotnet_server, client, name, tmp_path):
    """`make examples` compiles for the .NET that Apus found, where there is no SDK."""
    built = subprocess.run(
        [ROOT / "Scripts/build-examples", "dotnet"], capture_output=True, text=True, timeout=300,
        env={**os.environ, "APUS_EXAMPLES": str(tmp_path), "APUS": str(APUS), "APUS_DATA": str(dotnet_server.data)})
    assert built.returncode == 0 and "1 built" in built.stdout, built.stdout + built.stderr
    deployed = dotnet_server.run(
        APUS, "deploy", tmp_path / "hello-dotnet", "--name", name, "--runtime", "dotnet8", "--handler",
        "Hello::Hello.Function::Handle")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert invoke(client, name, {"name": "Ada"})[1] == {"statusCode": 200, "body": "Hello, Ada"}
