"""Java functions, compiled here. Expectations: the Lambda developer guide's pages about Java and AWS's own Java client."""

import base64
import io
import json
import shutil
import subprocess
import zipfile

import pytest

from conftest import ROLE, ROOT, zip_of

JAVAC = shutil.which("javac")
pytestmark = pytest.mark.skipif(JAVAC is None, reason="there is no javac on this machine")
CORE = ROOT / "Sources/Runtimes/Bootstraps/java"

SOURCE = """
package example;

import com.amazonaws.services.lambda.runtime.*;
import java.io.*;
import java.util.*;

public class Main implements RequestHandler<Map<String, Object>, Object> {
    private int calls;

    public static class Order {
        private String id;
        private List<Integer> amounts = new ArrayList<>();
        public String getId() { return id; }
        public void setId(String id) { this.id = id; }
        public List<Integer> getAmounts() { return amounts; }
        public void setAmounts(List<Integer> amounts) { this.amounts = amounts; }
    }

    public static class Total {
        public String id;
        public int total;
    }

    @Override
    public Object handleRequest(Map<String, Object> event, Context context) {
        context.getLogger().log("call " + (++calls));
        if (event.containsKey("raise")) throw new IllegalStateException("boom");
        if (event.containsKey("exit")) System.exit(3);
        if (event.containsKey("fill")) {
            List<byte[]> all = new ArrayList<>();
            while (true) all.add(new byte[1 << 20]);
        }
        return Arrays.asList(calls, event, context.getFunctionName(), Runtime.getRuntime().maxMemory() >> 20);
    }

    public Total total(Order order, Context context) {
        Total total = new Total();
        total.id = order.getId();
        for (int amount : order.getAmounts()) total.total += amount;
        return total;
    }

    public static class Bytes implements RequestStreamHandler {
        @Override
        public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
            for (int c = input.read(); c >= 0; c = input.read()) output.write(Character.toUpperCase(c));
        }
    }

    /** What a process has from its start, and what it can reach. */
    public Map<String, Object> surroundings() throws Exception {
        Map<String, Object> found = new TreeMap<>();
        // Before it has children.
        List<String> processes = new ArrayList<>();
        for (String name : new File("/proc").list()) {
            if (Character.isDigit(name.charAt(0))) processes.add(text(new FileInputStream("/proc/" + name + "/comm")).trim());
        }
        found.put("processes", processes);
        found.put("ahead", text(new FileInputStream("/proc/self/environ")).contains("APUS_BINDING="));
        found.put("variables", System.getenv());
        found.put("inherited", text(new ProcessBuilder("/usr/bin/env").start().getInputStream()));
        found.put("here", new File("example/Main.class").isFile());
        found.put("directory", System.getProperty("user.dir") + text(new ProcessBuilder("/bin/pwd").start().getInputStream()));
        found.put("zone", TimeZone.getDefault().getID());
        found.put("heap", Runtime.getRuntime().maxMemory() >> 20);
        found.put("temporary", Arrays.asList(new File("/tmp").list()));
        List<String> reached = new ArrayList<>();
        for (String path : new String[] {"/proc/1/environ", "/proc/1/cwd/", "/proc/1/root/", "/proc/1/fd", "/etc/shadow", "/root/.ssh", "/var/task/x", "/var/compiled/x", "/x"}) {
            File file = new File(path);
            try {
                if (path.endsWith("/x") ? file.createNewFile() : path.endsWith("environ") ? !text(new FileInputStream(file)).isEmpty() : file.list() != null) reached.add(path);
            } catch (IOException e) {
                // As it has to be.
            }
        }
        found.put("reached", reached);
        return found;
    }

    private static String text(InputStream input) throws IOException {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        for (int c = input.read(); c >= 0; c = input.read()) output.write(c);
        return output.toString("UTF-8");
    }

    public String secrets() {
        return System.getProperty("java.home") + " " + (new File("/root").list() != null && new File("/root").list().length > 0) + " " + new File("/etc/shadow").exists()
            + " " + System.getenv("AWS_EXECUTION_ENV");
    }
}
"""


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """Compiled against the interfaces alone, as with aws-lambda-java-core; Java 8's format runs on all versions."""
    place = tmp_path_factory.mktemp("java")
    (place / "example").mkdir()
    (place / "example/Main.java").write_text(SOURCE)
    core = [path for path in CORE.glob("*.java") if "package com.amazonaws" in path.read_text()]
    for output, sources in (("core", core), ("classes", [place / "example/Main.java"])):
        command = [JAVAC, "-nowarn", "-Xlint:-options", "-source", "8", "-target", "8", "-d", place / output, "-cp", place / "core", *sources]
        outcome = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
        assert outcome.returncode == 0, outcome.stderr
    return {str(path.relative_to(place / "classes")): path.read_bytes() for path in (place / "classes").rglob("*.class")}


@pytest.fixture
def java(deploy, classes):
    def create(handler="example.Main", files=None, **settings):
        return deploy(files=files or classes, **{"Runtime": "java17", "Handler": handler, "MemorySize": 512, "Timeout": 30, **settings})

    return create


def invoke(client, function, payload, **options):
    answer = client.invoke(FunctionName=function, Payload=json.dumps(payload), **options)
    return answer, json.loads(answer["Payload"].read())


def test_warm_and_cold(java, lambda_client):
    function = java()
    answer, document = invoke(lambda_client, function, {"a": [1, "é"]}, LogType="Tail")
    calls, event, name, heap = document
    assert (calls, event, name) == (1, {"a": [1, "é"]}, function)
    # The heap is 85 % of the function's memory, some of which is never free.
    assert 380 <= heap <= 435
    log = base64.b64decode(answer["LogResult"]).decode()
    assert "\ncall 1\n" in log and "REPORT RequestId" in log
    assert invoke(lambda_client, function, {})[1][0] == 2


@pytest.mark.parametrize("runtime", ["java8.al2", "java11", "java21", "java25"])
def test_every_identifier_is_served_by_some_java(java, lambda_client, runtime):
    function = java("example.Main::secrets", Runtime=runtime, MemorySize=256)
    home, root, shadow, environment = invoke(lambda_client, function, {})[1].split()
    assert (root, shadow, environment) == ("false", "false", "AWS_Lambda_" + runtime)


def test_methods_with_beans(java, lambda_client):
    function = java("example.Main::total")
    assert invoke(lambda_client, function, {"id": "x", "amounts": [1, 2, 3], "more": 1})[1] == {"id": "x", "total": 6}
    answer, document = invoke(lambda_client, function, "text")
    assert answer["FunctionError"] == "Unhandled"
    assert document == {"errorMessage": "An error occurred during JSON parsing", "errorType": "java.lang.RuntimeException", "stackTrace": []}


def test_streams(java, lambda_client):
    assert invoke(lambda_client, java("example.Main$Bytes"), {"a": "bc"})[1] == {"A": "BC"}


@pytest.mark.parametrize("ahead", [False, True])
def test_what_a_function_finds_however_its_environment_came_to_be(java, lambda_client, ahead):
    """Started ahead, or, where a variable must be there from the start, for this function."""
    # The first is the JVM's to read when it starts.
    variables = {"OWN": "a=b", "TZ": "Asia/Tokyo", **({} if ahead else {"JAVA_TOOL_OPTIONS": "-Dany=1"})}
    function = java("example.Main::surroundings", Environment={"Variables": variables}, MemorySize=384)
    for round in range(60):
        found = invoke(lambda_client, function, {})[1]
        if found["ahead"] == ahead:
            break
        # The launcher makes sandboxes ahead while it has nothing else to do: another revision, another environment.
        lambda_client.update_function_configuration(FunctionName=function, Description=str(round))
        lambda_client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1200})
    assert found["ahead"] == ahead
    assert {name: found["variables"].get(name) for name in variables} == variables
    assert found["variables"]["AWS_LAMBDA_FUNCTION_NAME"] == function and "APUS_BINDING" not in found["variables"]
    assert {f"{name}={value}" for name, value in found["variables"].items()} <= set(found["inherited"].split("\n"))
    assert (found["here"], found["directory"], found["zone"]) == (True, "/var/task/var/task\n", "Asia/Tokyo")
    assert 285 <= found["heap"] <= 327
    assert (found["temporary"], found["reached"], sorted(found["processes"])) == ([], [], ["init", "java"])


def test_errors(java, lambda_client):
    function = java()
    answer, document = invoke(lambda_client, function, {"raise": 1}, LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    assert (document["errorMessage"], document["errorType"]) == ("boom", "java.lang.IllegalStateException")
    assert document["stackTrace"][0].startswith("example.Main.handleRequest(Main.java:")
    assert "boom: java.lang.IllegalStateException" in base64.b64decode(answer["LogResult"]).decode()
    # An error of the function leaves its environment alone, an exit ends it.
    assert invoke(lambda_client, function, {})[1][0] == 2
    answer, document = invoke(lambda_client, function, {"exit": 1})
    assert document["errorType"] == "Runtime.ExitError" and "exit status 3" in document["errorMessage"]
    assert invoke(lambda_client, function, {})[1][0] == 1


def test_a_full_heap_is_the_functions_error(java, lambda_client):
    answer, document = invoke(lambda_client, java(MemorySize=256), {"fill": 1})
    assert answer["FunctionError"] == "Unhandled"
    assert document["errorType"] in ("java.lang.OutOfMemoryError", "Runtime.OutOfMemory")


@pytest.mark.parametrize("handler, kind, message", [
    ("example.Gone", "java.lang.ClassNotFoundException", "Class not found: example.Gone"),
    ("example.Main::gone", None, "No public method named gone with appropriate method signature found on class example.Main"),
])
def test_what_is_not_there(java, lambda_client, handler, kind, message):
    answer, document = invoke(lambda_client, java(handler), {})
    assert answer["FunctionError"] == "Unhandled"
    assert (document["errorMessage"], document.get("errorType")) == (message, kind)


def test_jars_in_lib_and_tool_options(java, lambda_client, classes):
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        for name, contents in classes.items():
            archive.writestr(name, contents)
    options = {"Variables": {"JAVA_TOOL_OPTIONS": "-Xmx77m"}}
    function = java(files={"lib/code.jar": jar.getvalue()}, Environment=options)
    assert invoke(lambda_client, function, {})[1][3] in range(70, 79)
    # The jar itself may be the deployment package.
    function = java(files=classes, suffix="-jar")
    assert invoke(lambda_client, function, {})[1][0] == 1


def test_a_function_is_pending_until_the_bootstrap_is_compiled(own_server, classes):
    """And after that no server of the data directory has anything to compile, unless it is gone."""
    server = own_server()

    def compiled():
        return list((server.data / "compiled").glob("*-java.jar"))

    assert not compiled()
    created = server.client().create_function(
        FunctionName="first", Runtime="java17", Handler="example.Main", Role=ROLE, MemorySize=512, Timeout=10,
        Code={"ZipFile": zip_of(classes)})
    assert (created["State"], created["StateReasonCode"]) == ("Pending", "Creating")
    server.client().get_waiter("function_active_v2").wait(FunctionName="first", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    [jar] = compiled()
    assert invoke(server.client(), "first", {})[1][0] == 1
    made = jar.stat().st_mtime_ns
    server.stop()
    server.start()
    assert invoke(server.client(), "first", {})[1][0] == 1 and jar.stat().st_mtime_ns == made
    server.stop()
    jar.unlink()
    server.start()
    # Before the first request, not in it.
    assert compiled() == [jar]
    assert invoke(server.client(), "first", {})[1][0] == 1
