"""Runs a Python handler: loads it, then answers invocations of the Lambda Runtime API (2018-06-01) for ever.

Works on CPython 3.9 and later with the standard library alone. What is imported here delays every cold start, so modules
that only errors or logging need are imported when these happen, HTTP is spoken over a plain socket, and JSON goes through
the two C functions behind `json`, which itself takes as long to import as the interpreter to start.
"""

import _json
import _socket
import os
import sys
import time
from importlib import import_module


def become_zygote():
    """Loads and rehearses what functions need, then forks: only the children go on, each of them as if started ahead.

    Whatever is touched here for the first time stays shared memory of them all. Nothing here may start a thread. Modules
    reseed what they draw random numbers from in each child by themselves.
    """
    import gc

    import_shared()
    for _ in range(20):
        rehearse(VARIED)
        rehearse(PLAIN)
    gc.collect()
    # Collections pass over what is there by now, so that they leave its memory shared.
    gc.freeze()
    child = os.fork()
    if child:
        # No launcher is underneath, which would have kept the parent for itself: this one waits for its only child.
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status < 0:
            os.kill(os.getpid(), -status)
        os._exit(status & 255)


def import_shared():
    import_common()
    before = set(sys.modules)
    for name in SHARED_MODULES:
        try:
            import_module(name)
        except ImportError:
            pass
    for name in set(sys.modules) - before:
        shared.setdefault(name.partition(".")[0], []).append(name)


# The modules that a zygote has imported and another process that started ahead would not have, by the name that they
# begin with.
shared = {}

# What functions import most, or AWS's SDK does.
SHARED_MODULES = (
    "argparse base64 binascii bisect calendar collections.abc concurrent.futures configparser contextlib copy csv datetime "
    "decimal email.message email.parser enum functools gzip hashlib heapq hmac html http.client inspect io ipaddress "
    "itertools json logging math operator pathlib pickle platform queue random re secrets shutil socket ssl statistics "
    "string struct subprocess tempfile textwrap threading traceback types typing urllib.parse urllib.request uuid warnings "
    "weakref xml.etree.ElementTree zipfile zlib"
).split()


# A function that has some of everything, and one that has next to nothing.
VARIED = (
    "import json, os\nfrom time import time as now\nA = {'a': [1, 2.0, None], **{}}\n"
    "class C:\n    def f(self, *a, b=1, **c):\n        with self as s: return f'{s!r:>4}' if a else [x for x in c]\n"
    "def handler(event, context):\n    try:\n        return {'statusCode': 200, 'body': json.dumps(event)}\n"
    "    except (KeyError, ValueError) as error:\n        raise RuntimeError(str(error)) from error\n"
)
PLAIN = "def handler(event, context):\n    return event\n"

# An event, as the platform sends it, and what it says to the answer.
EVENT = b'{"a": [1, 2.5, "b", null, true], "c": {}}'
EVENT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Lambda-Runtime-Aws-Request-Id: 00000000-0000-0000-0000-000000000000\r\nLambda-Runtime-Deadline-Ms: 1\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:rehearsal\r\n"
    b"Lambda-Runtime-Trace-Id: Root=1-00000000-000000000000000000000000;Sampled=0\r\n\r\n" % len(EVENT)
) + EVENT
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"OK"}'


def rehearse(source):
    """Goes the way of a first invocation, so that what it fills (type caches, the compiler's tables) is filled, and the
    memory that it writes is this process's own. Nothing is left of it that a function could see."""
    import logging

    path, finders, variables = sys.path[:], set(sys.path_importer_cache), dict(os.environb)
    for name, value in variables.items():
        del os.environb[name]
        os.environb[name] = value
    time.tzset()
    sys.stdout.reconfigure(line_buffering=True)
    prepare_path()
    give_way()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure(logging)
    root.handlers[:] = handlers
    root.setLevel(level)
    # One that is there as source only, as functions are.
    try:
        import_module("snapshot_restore_py")
    except ImportError:
        pass
    sys.modules.pop("snapshot_restore_py", None)
    space = {"__name__": "app"}
    exec(compile(source, "/var/task/app.py", "exec"), space)
    api = RuntimeAPI("127.0.0.1:9001")
    api.socket, platform = _socket.socketpair()
    platform.sendall(EVENT + ACCEPTED + EVENT)
    answer(api, space["handler"], Marshaller(), *api.next())
    api.socket.close()
    platform.close()
    space.clear()
    State.request_id = ""
    sys.path[:] = path
    for name in set(sys.path_importer_cache) - finders:
        del sys.path_importer_cache[name]
    for name in set(os.environb) - set(variables):
        del os.environb[name]


def import_common():
    import datetime, decimal, enum, functools, json, logging, re, threading, traceback, types  # noqa: E401, F401


def is_readable(descriptor):
    from select import select

    return bool(select([descriptor], [], [], 0)[0])


def await_function(descriptor):
    """Waits, started ahead, for the variables of the function that this process is to run, and takes them for its own.

    What AWS's runtime imports before any function, and what takes long, is imported meanwhile. A process that was forked
    copies meanwhile what memory it will write.
    """
    if not shared:
        import_common()
    elif not is_readable(descriptor):
        rehearse(PLAIN)

    def read(count):
        data = b""
        while len(data) < count:
            part = os.read(descriptor, count - len(data))
            if not part:
                # Nobody wants it.
                os._exit(0)
            data += part
        return data

    size = int.from_bytes(read(4), "little")
    pairs = [pair.split(b"=", 1) for pair in read(size).split(b"\0")[:-1]]
    os.close(descriptor)
    environ = os.environb
    for name in list(environ):
        del environ[name]
    for name, value in pairs:
        environ[name] = value
    time.tzset()
    # The directory by this name is another one now.
    os.chdir(os.environ.get("LAMBDA_TASK_ROOT", "/var/task"))


# A function with a PYTHONPATH of its own decides for itself where layers come.
LAYERS = "/opt/python"

# Lines of one error stay one record of the log: they are separated by carriage returns, and what would be indented by
# blanks is indented by no-break spaces.
RECORD_LINE = "\r"
INDENT = "\u00a0"


class Fault(Exception):
    """An error that the runtime finds, not the function: it has a type of AWS's and no Python traceback."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace or []


# --- The Runtime API ---------------------------------------------------------------------------------------------------


class RuntimeAPI:
    """One kept-alive connection. A request is one send, so that its head and body leave in one segment."""

    def __init__(self, authority):
        host, _, port = authority.rpartition(":")
        self.address = (host, int(port)) if host else (authority, 80)
        self.host = ("Host: " + authority + "\r\nUser-Agent: apus-python/1\r\n").encode()
        self.next_request = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n" + self.host + b"\r\n"
        self.socket = None
        self.buffer = b""

    def connect(self):
        self.socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self.socket.connect(self.address)
        self.socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self.buffer = b""

    def next(self):
        """Waits for an invocation: its headers, names in lower case, and its body."""
        return self.invocation(self.exchange(self.next_request))

    def invocation(self, answer):
        status, headers, body = answer
        if status != 200:
            raise ConnectionError("GET next answered %d" % status)
        return headers, body

    def respond(self, request_id, body, content_type):
        """Answers, and waits for the next invocation."""
        headers = "Content-Type: " + content_type + "\r\n"
        return self.answer("/invocation/" + request_id + "/response", body, headers)

    def fail(self, request_id, document, kind):
        """Answers, and waits for the next invocation."""
        return self.answer("/invocation/" + request_id + "/error", document, error_headers(kind))

    def answer(self, path, body, headers):
        """Asks for the next invocation in one segment with the answer: the platform may accept the one with the other,
        and this process wakes once. Refusals (413 for an answer that is too long) are the platform's to report: the
        next invocation goes on."""
        self.post(path, body, headers, self.next_request)
        if self.socket is not None:
            try:
                return self.invocation(self.read_body(self.read_head()))
            except (ConnectionResetError, EOFError):
                self.socket.close()
                self.socket = None
        return self.next()

    def fail_init(self, document, kind):
        self.post("/init/error", document, error_headers(kind))

    def restore_next(self):
        """Waits until the environment is restored, or says that it was not."""
        status, _, _ = self.exchange(b"GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n" + self.host + b"\r\n")
        if status != 200:
            raise ConnectionError("GET restore/next answered %d" % status)

    def fail_restore(self, document, kind):
        self.post("/restore/error", document, error_headers(kind))

    def post(self, path, body, headers, after=b""):
        head = "POST /2018-06-01/runtime%s HTTP/1.1\r\n%sContent-Length: %d\r\n" % (path, headers, len(body))
        status, _, _ = self.exchange(b"".join((head.encode(), self.host, b"\r\n", body, after)))
        if status >= 500:
            raise ConnectionError("POST %s answered %d" % (path, status))

    def exchange(self, request):
        """Sends and reads the answer. A connection that the server closed while it was idle is replaced once."""
        kept = self.socket is not None
        if not kept:
            self.connect()
        try:
            self.socket.sendall(request)
            head = self.read_head()
        except (ConnectionResetError, BrokenPipeError, EOFError):
            if not kept:
                raise
            self.socket.close()
            self.connect()
            self.socket.sendall(request)
            head = self.read_head()
        return self.read_body(head)

    def read_head(self):
        buffer = self.buffer
        while True:
            end = buffer.find(b"\r\n\r\n")
            if end >= 0:
                self.buffer = buffer[end + 4 :]
                return buffer[:end]
            received = self.socket.recv(65536)
            if not received:
                raise EOFError("the Runtime API closed the connection")
            buffer = buffer + received if buffer else received

    def read_body(self, head):
        lines = head.decode("utf-8", "replace").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(lines[0].split(" ", 2)[1])
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self.read_chunks()
        else:
            body = self.read_exactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.socket.close()
            self.socket = None
        return status, headers, body

    def read_exactly(self, length):
        buffer = self.buffer
        if len(buffer) < length:
            whole = bytearray(length)
            whole[: len(buffer)] = buffer
            view, filled = memoryview(whole), len(buffer)
            while filled < length:
                count = self.socket.recv_into(view[filled:])
                if not count:
                    raise EOFError("the Runtime API closed the connection")
                filled += count
            self.buffer = b""
            return bytes(whole)
        self.buffer = buffer[length:]
        return buffer[:length]

    def read_line(self):
        while b"\r\n" not in self.buffer:
            received = self.socket.recv(65536)
            if not received:
                raise EOFError("the Runtime API closed the connection")
            self.buffer += received
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def read_chunks(self):
        parts = []
        while True:
            size = int(self.read_line().split(b";")[0], 16)
            if not size:
                while self.read_line():
                    pass
                return b"".join(parts)
            parts.append(self.read_exactly(size))
            self.read_line()


def error_headers(kind):
    safe = kind.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
    return "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: " + safe + "\r\n"


# --- JSON as AWS reads and writes it -----------------------------------------------------------------------------------


def refuse_constant(name):
    raise ValueError(name)


class ScannerSettings:
    """What the C scanner asks for. NaN and the infinities are no JSON."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(refuse_constant)
    memo = {}


scan_value = _json.make_scanner(ScannerSettings())


def parse_json(text):
    try:
        stripped = text.strip(" \t\n\r")
        value, end = scan_value(stripped, 0)
        if end == len(stripped):
            return value
    except (StopIteration, ValueError, SystemError):
        # CPython 3.10 and 3.11 fail with a SystemError where they would raise an error of the unloaded `json`.
        pass
    raise parse_error(text)


def parse_error(text):
    """Says where and why a text is no JSON, in the words of the library that AWS uses."""
    import re
    from json import JSONDecodeError, loads

    try:
        loads(text, parse_constant=refuse_constant)
    except JSONDecodeError as error:
        if error.msg != "Extra data":
            return error
        end = JSONDecodeError("", text, len(text))
        places = (error.lineno, error.colno, end.lineno, end.colno, error.pos, end.pos)
        return ValueError("Extra data: line %d column %d - line %d column %d (char %d - %d)" % places)
    except ValueError:
        for token in re.finditer(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN', text):
            if not token.group().startswith('"'):
                return JSONDecodeError("Expecting value", text, token.start())
    return ValueError("Expecting value")


def unknown(value):
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def write_json(value, ascii, default=unknown):
    string = _json.encode_basestring_ascii if ascii else _json.encode_basestring
    encode = _json.make_encoder({}, default, string, None, ": ", ", ", False, False, True)
    return "".join(encode(value, 0))


def keeps_unicode():
    """AWS escapes what is not ASCII up to Python 3.11 and writes it as UTF-8 from 3.12 on."""
    name, _, minor = os.environ.get("AWS_EXECUTION_ENV", "").rpartition(".")
    return name == "AWS_Lambda_python3" and minor.isdigit() and int(minor) >= 12


class Marshaller:
    def __init__(self):
        self.ascii = not keeps_unicode()
        self.numbers = []
        self.mark = ""

    def decode(self, body, content_type):
        if content_type and content_type != "application/json":
            return body
        try:
            return parse_json(body.decode("utf-8"))
        except Exception as error:
            raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: " + str(error))

    def encode(self, value):
        """The body and its content type: bytes go out as they are."""
        if isinstance(value, bytes):
            return value, "application/unknown"
        try:
            return self.text(value).encode("utf-8"), "application/json"
        except Exception as error:
            raise Fault("Runtime.MarshalError", "Unable to marshal response: " + str(error))

    def text(self, value):
        self.numbers.clear()
        if holds_named_tuple(value):
            value = plain(value)
        text = write_json(value, self.ascii, self.convert)
        for index, number in enumerate(self.numbers):
            text = text.replace('"%s%d"' % (self.mark, index), number, 1)
        return text

    def convert(self, value):
        """What the encoder does not know: a Decimal keeps its digits, bytes inside a value are text."""
        if isinstance(value, bytes):
            return value.decode("utf-8")
        decimal = sys.modules.get("decimal")
        if decimal is None or not isinstance(value, decimal.Decimal):
            return unknown(value)
        if value.is_nan():
            return float("nan")
        # The encoder can only be given a string here, which is replaced by the bare number afterwards.
        if not self.mark:
            self.mark = "apus-number-" + os.urandom(12).hex() + "-"
        self.numbers.append(str(value))
        return self.mark + str(len(self.numbers) - 1)


def is_named_tuple(value):
    return isinstance(value, tuple) and callable(getattr(value, "_asdict", None))


def holds_named_tuple(value):
    """AWS writes a named tuple as an object, the encoder would write it as a list."""
    seen, waiting = set(), [value]
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is str or kind is int or kind is float or kind is bool or value is None:
            continue
        if isinstance(value, (dict, list, tuple)):
            if is_named_tuple(value):
                return True
            if id(value) not in seen:
                seen.add(id(value))
                waiting.extend(value.values() if isinstance(value, dict) else value)
    return False


def plain(value):
    if is_named_tuple(value):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


# --- What a handler gets as its context --------------------------------------------------------------------------------


class Described:
    """Shows its fields as `Name([field=value,...])`."""

    __slots__ = ()

    def __repr__(self):
        fields = ",".join("%s=%s" % (name, getattr(self, name)) for name in self.shown())
        return "%s([%s])" % (type(self).__name__, fields)

    def shown(self):
        return self.__slots__

    def fill(self, values):
        for name in self.__slots__:
            setattr(self, name, values.get(name))
        return self


class CognitoIdentity(Described):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class Client(Described):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(Described):
    __slots__ = ("custom", "env", "client")


class LambdaContext(Described):
    FIELDS = (
        "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
        "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id",
    )  # fmt: skip

    def __init__(self, headers):
        environ = os.environ
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id")
        self.log_group_name = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.client_context = None
        client = headers.get("lambda-runtime-client-context")
        if client:
            client = header_json(client, "Client Context")
            if client is not None:
                self.client_context = ClientContext().fill(client)
                if self.client_context.client is not None:
                    self.client_context.client = Client().fill(self.client_context.client)
        identity = headers.get("lambda-runtime-cognito-identity")
        identity = (header_json(identity, "Cognito Identity") if identity else None) or {}
        self.identity = CognitoIdentity()
        self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._deadline = int(headers.get("lambda-runtime-deadline-ms") or 0)

    def shown(self):
        return self.FIELDS

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


def header_json(text, name):
    try:
        return parse_json(text)
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (name, error))


# --- Logs --------------------------------------------------------------------------------------------------------------


class State:
    """What log records say about the invocation that runs."""

    request_id = ""
    tenant_id = None


class LoggingConfigurator:
    """Prepares the root logger as AWS does, at the moment when something first imports `logging`.

    It stands first among the finders until then. Most small functions never import it, and it is slow to load.
    """

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                spec.loader = ConfiguringLoader(spec.loader)
                return spec
        return None


class ConfiguringLoader:
    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        configure(module)


def json_logs():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def logging_classes(logging):
    """The handler, the filter and the formatter of JSON lines, made once for the module."""
    if logging in logging_made:
        return logging_made[logging]

    class LambdaLoggerHandler(logging.Handler):
        def emit(self, record):
            sys.stdout.write(self.format(record))

    class LambdaLoggerFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = State.request_id
            record.tenant_id = State.tenant_id
            return True

    class JSONFormatter(logging.Formatter):
        def format(self, record):
            return json_record(logging, self, record)

    logging_made[logging] = LambdaLoggerHandler, LambdaLoggerFilter, JSONFormatter
    return logging_made[logging]


logging_made = {}


def configure(logging):
    logging.Formatter.converter = time.gmtime
    handler_class, filter_class, formatter_class = logging_classes(logging)
    handler = handler_class()
    if json_logs():
        handler.setFormatter(formatter_class())
    else:
        line = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(line, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(filter_class())
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")
    level = "DEBUG" if level == "TRACE" else level.upper()
    if level in logging._nameToLevel:
        root.setLevel(level)


# Attributes of every log record: what else a record has was given as `extra`.
RECORD_FIELDS = frozenset(
    "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno funcName created "
    "msecs relativeCreated thread threadName processName process taskName aws_request_id tenant_id".split()
)


def json_record(logging, formatter, record):
    level = min(50, max(0, record.levelno)) // 10 * 10
    whole = isinstance(record.msg, dict) and not record.args
    fields = {
        "timestamp": formatter.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
        "level": logging.getLevelName(level),
        "message": record.msg if whole else record.getMessage(),
        "logger": record.name,
    }
    if record.exc_info:
        import traceback

        kind, error, trace = record.exc_info
        fields["stackTrace"] = traceback.format_tb(trace)
        fields["errorType"] = kind.__name__ if kind else None
        fields["errorMessage"] = str(error)
    fields["requestId"] = record.aws_request_id
    if record.exc_info:
        fields["location"] = "%s:%s:%s" % (record.pathname, record.funcName, record.lineno)
    fields["tenantId"] = record.tenant_id
    for name, value in record.__dict__.items():
        if name not in RECORD_FIELDS and name not in fields:
            fields[name] = value
    present = {name: value for name, value in fields.items() if value is not None}
    return write_json(present, False, str) + "\n"


# --- Errors ------------------------------------------------------------------------------------------------------------


def fault_document(fault, request_id=""):
    return document(fault.message, fault.kind, fault.trace, request_id)


def exception_document(error, request_id=""):
    """The error of a function, its stack beginning where the function's code does."""
    import traceback

    frames = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(error.__traceback__)]
    own = main.__code__.co_filename
    while len(frames) > 1 and frames[0][0] == own:
        del frames[0]
    return document(str(error), type(error).__name__, traceback.format_list(frames), request_id)


def document(message, kind, trace, request_id):
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def log_error(result):
    if json_logs():
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(write_json({"timestamp": now, "level": "ERROR", **result}, not keeps_unicode()) + "\n")
        return
    kind, message = result["errorType"], result["errorMessage"]
    first = "[ERROR] " + kind + (": " + message if message else "")
    lines = [first, "Traceback (most recent call last):"]
    for entry in result["stackTrace"]:
        for line in entry.splitlines() or [""]:
            bare = line.lstrip(" ")
            lines.append(INDENT * (len(line) - len(bare)) + bare)
    sys.stdout.write(RECORD_LINE.join(lines) + "\n")


# --- The life of an environment ----------------------------------------------------------------------------------------


def prepare_path():
    """AWS's order: the function's code, layers, the runtime's directory, then the interpreter's own."""
    # Where AWS keeps them.
    task_root = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    runtime_dir = os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
    layers = [LAYERS + "/lib/python%d.%d/site-packages" % sys.version_info[:2], LAYERS]
    # The first entry is this script's directory.
    rest = [entry for entry in sys.path[1:] if entry != runtime_dir]
    if "PYTHONPATH" not in os.environ:
        sys.path[:] = [task_root] + layers + [runtime_dir] + rest
        os.environ["PYTHONPATH"] = runtime_dir
    else:
        # What AWS's runtimes bundle is found all the same.
        sys.path[:] = [task_root] + rest + [runtime_dir]


def give_way():
    """Forgets modules of the standard library that were imported for all functions, where this one has its own."""
    if not shared:
        return
    for place in sys.path[:3]:
        try:
            names = os.listdir(place)
        except OSError:
            continue
        for name in names:
            for module in shared.get(name.partition(".")[0], ()):
                sys.modules.pop(module, None)


def load(handler):
    """The function that `module.function` names. Slashes and dots both lead into packages."""
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (handler, error))
    if module_name.split(".")[0] in sys.builtin_module_names:
        message = "Cannot use built-in module %s as a handler module" % module_name
        raise Fault("Runtime.BuiltInModuleConflict", message)
    try:
        module = import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error))
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]
        message = "Syntax error in module '%s': %s" % (module_name, error)
        raise Fault("Runtime.UserCodeSyntaxError", message, trace)
    try:
        return getattr(module, function_name)
    except AttributeError:
        message = "Handler '%s' missing on module '%s'" % (function_name, module_name)
        raise Fault("Runtime.HandlerNotFound", message)


def await_restoration(api, marshaller):
    """SnapStart: runs the function's hooks on both sides of the snapshot, which may be far apart in time."""
    report, kind, status = api.fail_init, "Runtime.BeforeSnapshotError", 64
    try:
        run_hooks("get_before_snapshot", reverse=True)
        flush()
        api.restore_next()
        report, kind, status = api.fail_restore, "Runtime.AfterRestoreError", 65
        run_hooks("get_after_restore")
        flush()
    except BaseException as error:
        result = exception_document(error)
        log_error(result)
        flush()
        report(error_body(result, marshaller), kind)
        sys.exit(status)


def run_hooks(name, reverse=False):
    """Those of whichever `snapshot_restore_py` the function has imported; without it there are none."""
    module = sys.modules.get("snapshot_restore_py")
    hooks = getattr(module, name)() if module else []
    # A hook may register others.
    done = 0
    while reverse and hooks or not reverse and done < len(hooks):
        function, args, kwargs = hooks.pop() if reverse else hooks[done]
        done += 1
        function(*args, **kwargs)


def serve(api, handler, marshaller):
    headers, body = api.next()
    while True:
        headers, body = answer(api, handler, marshaller, headers, body)


def answer(api, handler, marshaller, headers, body):
    """Runs the handler for one invocation, answers, and returns the next."""
    environ = os.environ
    request_id = headers["lambda-runtime-aws-request-id"]
    State.request_id = request_id
    State.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    trace_id = headers.get("lambda-runtime-trace-id")
    if trace_id is not None:
        environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        environ.pop("_X_AMZN_TRACE_ID", None)
    result = None
    try:
        context = LambdaContext(headers)
        event = marshaller.decode(body, headers.get("content-type"))
        content, content_type = marshaller.encode(handler(event, context))
    except Fault as fault:
        result = fault_document(fault, request_id)
    except Exception as error:
        result = exception_document(error, request_id)
    if result is not None:
        log_error(result)
    # What it wrote belongs before the line that ends its invocation.
    flush()
    if result is None:
        return api.respond(request_id, content, content_type)
    return api.fail(request_id, error_body(result, marshaller), result["errorType"])


def error_body(result, marshaller):
    return write_json(result, marshaller.ascii).encode("utf-8", "surrogatepass")


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass


def main():
    if "APUS_ZYGOTE" in os.environ:
        become_zygote()
    if "APUS_BINDING" in os.environ:
        await_function(int(os.environ["APUS_BINDING"]))
    api = RuntimeAPI(os.environ["AWS_LAMBDA_RUNTIME_API"])
    # Whole lines leave at once, so that what a killed function wrote is in its log.
    sys.stdout.reconfigure(line_buffering=True)
    prepare_path()
    give_way()
    if "logging" in sys.modules:
        configure(sys.modules["logging"])
    else:
        sys.meta_path.insert(0, LoggingConfigurator())
    marshaller = Marshaller()
    result = None
    try:
        handler = load(os.environ["_HANDLER"])
    except Fault as fault:
        result = fault_document(fault)
    except Exception as error:
        result = exception_document(error)
    if result is not None:
        log_error(result)
        flush()
        api.fail_init(error_body(result, marshaller), result["errorType"])
        sys.exit(1)
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        await_restoration(api, marshaller)
    serve(api, handler, marshaller)


if __name__ == "__main__":
    main()
