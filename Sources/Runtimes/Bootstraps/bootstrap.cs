// The bootstrap of the .NET runtimes: finds the handler ASSEMBLY::TYPE::METHOD in /var/task and answers the Runtime API's
// invocations with it. Compiled by the server (probe-dotnet.sh), by whatever C# compiler there is: C# 7.
//
// It has no reference to Amazon.Lambda.Core. A function brings its own copy of that library, of any version, so its
// interfaces are met as they are found: ILambdaContext and ILambdaLogger by proxies, the serializer by reflection.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Text;
using System.Text.Json;
using System.Threading.Tasks;

namespace Apus {
    static class Program {
        static int Main(string[] arguments) {
            if (arguments.Length == 1 && arguments[0] == "--version") {
                CultureInfo.GetCultureInfo("en-US");
                Console.WriteLine(Environment.Version.ToString(3));
                return 0;
            }
            string binding = Environment.GetEnvironmentVariable("APUS_BINDING");
            if (binding != null) Ahead.Await(int.Parse(binding, CultureInfo.InvariantCulture), arguments);
            var api = new RuntimeApi(Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API"));
            Log.Redirect();
            Handler handler;
            try {
                handler = Handler.Load(Environment.GetEnvironmentVariable("_HANDLER") ?? "");
            } catch (Exception error) {
                Log.Unhandled(error);
                api.Post("/init/error", Errors.Describe(error), Errors.Name(error));
                return 1;
            }
            if (!SnapStart.Await(api)) return 1;
            while (true) {
                var invocation = api.Next();
                Log.RequestId = invocation.Id;
                Environment.SetEnvironmentVariable("_X_AMZN_TRACE_ID", invocation.Header("lambda-runtime-trace-id"));
                byte[] answer;
                try {
                    answer = handler.Run(invocation);
                } catch (Exception error) {
                    Log.Unhandled(error);
                    api.Post("/invocation/" + invocation.Id + "/error", Errors.Describe(error), Errors.Name(error));
                    continue;
                }
                api.Post("/invocation/" + invocation.Id + "/response", answer, null);
            }
        }
    }

    // --- Before it is known for which function -----------------------------------------------------------------------

    // A process that was started ahead: it prepares what every function needs, then waits for the variables of the one
    // that it is to run and takes them for its own. A function that needs another start than this one had gets it:
    // `command` starts anew in its place. The directory is the init's to change.
    static class Ahead {
        // What the SDK writes into the configuration of any program, and what a program can set by itself.
        static readonly string[] Switches = {
            "System.Reflection.Metadata.MetadataUpdater.IsSupported",
            "System.Runtime.Serialization.EnableUnsafeBinaryFormatterSerialization",
        };
        const BindingFlags Any = BindingFlags.DeclaredOnly | BindingFlags.NonPublic | BindingFlags.Public
            | BindingFlags.Instance | BindingFlags.Static;

        struct PollDescriptor {
            public int Descriptor;
            public short Events;
            public short Happened;
        }

        [DllImport("libc")]
        static extern int poll(ref PollDescriptor descriptor, UIntPtr count, int milliseconds);
        [DllImport("libc")]
        static extern IntPtr read(int descriptor, byte[] bytes, UIntPtr count);
        [DllImport("libc")]
        static extern int close(int descriptor);
        [DllImport("libc")]
        static extern int clearenv();
        [DllImport("libc")]
        static extern int setenv(string name, string value, int overwrite);
        [DllImport("libc")]
        static extern int execve(string path, string[] arguments, string[] variables);

        public static void Await(int descriptor, string[] command) {
            foreach (var step in new Action[] { Compile, Rehearse }) {
                var told = new PollDescriptor { Descriptor = descriptor, Events = 1 };
                if (poll(ref told, (UIntPtr)1, 0) == 0) step();
            }
            int size = BitConverter.ToInt32(Receive(descriptor, 4), 0);
            var pairs = Encoding.UTF8.GetString(Receive(descriptor, size)).Split('\0');
            pairs[pairs.Length - 1] = null;
            close(descriptor);
            var variables = new Dictionary<string, string>();
            foreach (string pair in pairs) {
                if (pair == null) continue;
                int equals = pair.IndexOf('=');
                variables[pair.Substring(0, equals)] = pair.Substring(equals + 1);
            }
            if (!Fits(variables)) StartAgain(command, pairs);
            // Those that native libraries ask C for, and .NET's own.
            foreach (var name in Environment.GetEnvironmentVariables().Keys) {
                Environment.SetEnvironmentVariable((string)name, null);
            }
            clearenv();
            foreach (var variable in variables) {
                setenv(variable.Key, variable.Value, 1);
                Environment.SetEnvironmentVariable(variable.Key, variable.Value);
            }
            TimeZoneInfo.ClearCachedData();
        }

        static byte[] Receive(int descriptor, int size) {
            var bytes = new byte[size];
            for (int filled = 0; filled < size;) {
                var part = new byte[size - filled];
                int count = (int)read(descriptor, part, (UIntPtr)part.Length);
                // Nobody wants it.
                if (count <= 0) Environment.Exit(0);
                Buffer.BlockCopy(part, 0, bytes, filled, count);
                filled += count;
            }
            return bytes;
        }

        static void StartAgain(string[] command, string[] variables) {
            var arguments = new string[command.Length + 2];
            arguments[0] = "/bin/sh";
            command.CopyTo(arguments, 1);
            execve(arguments[0], arguments, variables);
            Environment.Exit(1);
        }

        // Whether a function with these variables can run in a process that was started like this one.
        static bool Fits(Dictionary<string, string> variables) {
            // .NET before 9 takes one that is set to nothing for one that is not set.
            if (variables.ContainsValue("")) return false;
            variables.TryGetValue("_HANDLER", out string handler);
            int colons = (handler ?? "").IndexOf("::", StringComparison.Ordinal);
            if (colons < 0) return false;
            if (!variables.TryGetValue("LAMBDA_TASK_ROOT", out string root)) root = "/var/task";
            string path = Path.Combine(root, handler.Substring(0, colons) + ".runtimeconfig.json");
            try {
                if (!File.Exists(path)) return true;
                return Fits(JsonDocument.Parse(File.ReadAllBytes(path)).RootElement.GetProperty("runtimeOptions"));
            } catch (Exception) {
                // .NET says what is wrong with it.
                return false;
            }
        }

        // A configuration with nothing in it but what can be met now.
        static bool Fits(JsonElement options) {
            foreach (var option in options.EnumerateObject()) {
                switch (option.Name) {
                case "tfm": continue;
                case "framework":
                    if (option.Value.GetProperty("name").GetString() != "Microsoft.NETCore.App") return false;
                    if (!IsServed(option.Value.GetProperty("version").GetString())) return false;
                    continue;
                case "configProperties":
                    foreach (var property in option.Value.EnumerateObject()) {
                        if (Array.IndexOf(Switches, property.Name) < 0) return false;
                        AppContext.SetSwitch(property.Name, property.Value.GetBoolean());
                    }
                    continue;
                default: return false;
                }
            }
            return true;
        }

        // Whether a program that asks for this version would have got the one that runs.
        static bool IsServed(string version) {
            var asked = new Version(version);
            var own = Environment.Version;
            if (asked > own) return false;
            var frameworks = Path.GetDirectoryName(Path.GetDirectoryName(typeof(object).Assembly.Location));
            return (asked.Major == own.Major && asked.Minor == own.Minor)
                || Directory.GetDirectories(frameworks).Length == 1;
        }

        // All methods of this program, which are compiled at their first call otherwise.
        static void Compile() {
            foreach (var type in typeof(Program).Assembly.GetTypes()) {
                if (type.ContainsGenericParameters) continue;
                var methods = new List<MethodBase>(type.GetMethods(Any));
                methods.AddRange(type.GetConstructors(BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Instance));
                foreach (var method in methods) {
                    if (method.IsAbstract || method.ContainsGenericParameters) continue;
                    try {
                        RuntimeHelpers.PrepareMethod(method.MethodHandle);
                    } catch (Exception) {
                        // Then at its first call.
                    }
                }
            }
        }

        // Invocations that nobody hears of, and what else loads much of .NET at its first use. It asks for no setting.
        static void Rehearse() {
            var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen(1);
            var api = new RuntimeApi("127.0.0.1:" + ((IPEndPoint)listener.LocalEndPoint).Port);
            var platform = Task.Run(() => {
                var socket = listener.Accept();
                var request = new byte[4096];
                foreach (string answer in new[] {
                    "200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 2\r\n\r\n{}",
                    "202 Accepted\r\nConnection: close\r\n\r\n" }) {
                    // Head and body come one after the other; nothing is as long as the buffer.
                    socket.Receive(request);
                    socket.Send(Encoding.ASCII.GetBytes("HTTP/1.1 " + answer));
                }
                socket.Dispose();
            });
            api.Next();
            api.Post("/invocation/1/response", new byte[0], null);
            platform.Wait();
            listener.Dispose();
            Errors.Describe(new InvalidOperationException("text"));
            Proxy.Make(typeof(IDisposable), (name, arguments) => null);
            new AssemblyDependencyResolver(typeof(Program).Assembly.Location);
        }
    }

    // --- The Runtime API ---------------------------------------------------------------------------------------------

    sealed class Invocation {
        public string Id;
        public byte[] Payload;
        public Dictionary<string, string> Headers;

        public string Header(string name) => Headers.TryGetValue(name, out string value) ? value : null;
    }

    // One kept-alive connection with one request at a time on it.
    sealed class RuntimeApi {
        readonly string authority;
        readonly string host;
        readonly int port;
        Socket socket;
        byte[] buffer = new byte[65536];
        int start, end;

        public RuntimeApi(string authority) {
            this.authority = authority;
            int colon = authority.LastIndexOf(':');
            host = authority.Substring(0, colon);
            port = int.Parse(authority.Substring(colon + 1), CultureInfo.InvariantCulture);
        }

        public Invocation Next() {
            var headers = new Dictionary<string, string>();
            int status = Exchange("GET", "/invocation/next", null, null, headers, out byte[] body);
            if (status != 200) throw new IOException("GET next answered " + status);
            return new Invocation { Id = headers["lambda-runtime-aws-request-id"], Payload = body, Headers = headers };
        }

        // Waits until the environment is restored.
        public void RestoreNext() {
            int status = Exchange("GET", "/restore/next", null, null, new Dictionary<string, string>(), out byte[] _);
            if (status != 200) throw new IOException("GET restore/next answered " + status);
        }

        // Refusals (413 for an answer that is too long) are the platform's to report: the next invocation goes on.
        public void Post(string path, byte[] body, string errorType) {
            int status = Exchange("POST", path, body, errorType, new Dictionary<string, string>(), out byte[] _);
            if (status >= 500) throw new IOException("POST " + path + " answered " + status);
        }

        int Exchange(
            string method, string path, byte[] body, string errorType, Dictionary<string, string> headers,
            out byte[] answer) {
            var head = new StringBuilder(method + " /2018-06-01/runtime" + path + " HTTP/1.1\r\nHost: " + authority + "\r\n");
            if (body != null) {
                head.Append("Content-Type: application/json\r\nContent-Length: " + body.Length + "\r\n");
            }
            if (errorType != null) head.Append("Lambda-Runtime-Function-Error-Type: " + errorType + "\r\n");
            head.Append("\r\n");
            if (socket == null) Connect();
            Send(Encoding.ASCII.GetBytes(head.ToString()));
            if (body != null) Send(body);

            int status = int.Parse(Line().Split(' ')[1], CultureInfo.InvariantCulture);
            for (string line = Line(); line.Length > 0; line = Line()) {
                int colon = line.IndexOf(':');
                if (colon > 0) headers[line.Substring(0, colon).ToLowerInvariant()] = line.Substring(colon + 1).Trim();
            }
            answer = new byte[headers.TryGetValue("content-length", out string length) ? int.Parse(length) : 0];
            for (int filled = 0; filled < answer.Length;) {
                if (start == end) Fill();
                int count = Math.Min(end - start, answer.Length - filled);
                Buffer.BlockCopy(buffer, start, answer, filled, count);
                start += count;
                filled += count;
            }
            if (headers.TryGetValue("connection", out string connection) && connection == "close") {
                socket.Dispose();
                socket = null;
            }
            return status;
        }

        void Connect() {
            var address = IPAddress.TryParse(host, out IPAddress literal) ? literal : Dns.GetHostAddresses(host)[0];
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(new IPEndPoint(address, port));
            start = end = 0;
        }

        void Send(byte[] bytes) {
            for (int sent = 0; sent < bytes.Length;) {
                sent += socket.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
            }
        }

        string Line() {
            var line = new StringBuilder();
            while (true) {
                if (start == end) Fill();
                char next = (char)buffer[start++];
                if (next == '\n') return line.ToString();
                if (next != '\r') line.Append(next);
            }
        }

        void Fill() {
            start = 0;
            end = socket.Receive(buffer, 0, buffer.Length, SocketFlags.None);
            if (end == 0) Environment.Exit(0);
        }
    }

    // --- The handler -------------------------------------------------------------------------------------------------

    // A problem of the function's package or handler, in AWS's words.
    sealed class LambdaValidationException : Exception {
        public LambdaValidationException(string message) : base(message) {}
    }

    sealed class Handler {
        const string Form = "The valid format is 'ASSEMBLY::TYPE::METHOD'.";
        const BindingFlags Any = BindingFlags.DeclaredOnly | BindingFlags.NonPublic | BindingFlags.Public
            | BindingFlags.Instance | BindingFlags.Static;
        static readonly string Root = Environment.GetEnvironmentVariable("LAMBDA_TASK_ROOT") ?? "/var/task";

        MethodInfo method;
        object target;
        object serializer;
        Type contextType;
        Func<byte[], object> read;
        Func<object, byte[]> write;
        PropertyInfo taskResult;

        public static Handler Load(string name) {
            if (name.Length == 0) throw new LambdaValidationException("Empty lambda function handler. " + Form);
            var parts = name.Split(new[] { "::" }, 3, StringSplitOptions.None);
            if (parts.Length != 3) {
                throw new LambdaValidationException("Invalid lambda function handler: '" + name + "'. " + Form);
            }
            string[] kinds = { "assembly", "type", "method" };
            for (int index = 0; index < 3; index++) {
                parts[index] = parts[index].Trim();
                if (parts[index].Length > 0) continue;
                throw new LambdaValidationException(
                    "Invalid lambda function handler: '" + name + "', the " + kinds[index] + " is missing. " + Form);
            }
            var assembly = LoadAssembly(parts[0]);
            var type = assembly.GetType(parts[1]);
            if (type == null) {
                throw new LambdaValidationException(
                    "Unable to load type '" + parts[1] + "' from assembly '" + parts[0] + "'.");
            }
            var handler = new Handler { method = Find(type, parts) };
            Validate(type, handler.method);
            handler.target = handler.method.IsStatic ? null : Create(type);
            handler.serializer = Serializer(handler.method, assembly);
            handler.Bind(type, assembly);
            return handler;
        }

        static Assembly LoadAssembly(string name) {
            string path = Path.Combine(Root, name + ".dll");
            if (!File.Exists(path)) {
                throw new LambdaValidationException(
                    "Could not find the specified handler assembly with the file name '" + name
                    + ", Culture=neutral, PublicKeyToken=null'. The assembly should be located in the root of your "
                    + "uploaded .zip file.");
            }
            var resolver = new AssemblyDependencyResolver(path);
            AssemblyLoadContext.Default.Resolving += (context, wanted) => {
                string found = resolver.ResolveAssemblyToPath(wanted) ?? Path.Combine(Root, wanted.Name + ".dll");
                return File.Exists(found) ? context.LoadFromAssemblyPath(found) : null;
            };
            AssemblyLoadContext.Default.ResolvingUnmanagedDll += (asking, wanted) => {
                string found = resolver.ResolveUnmanagedDllToPath(wanted);
                return found == null ? IntPtr.Zero : NativeLibrary.Load(found);
            };
            try {
                return AssemblyLoadContext.Default.LoadFromAssemblyPath(path);
            } catch (Exception error) when (error is BadImageFormatException || error is FileLoadException) {
                Log.Unhandled(error);
                throw new LambdaValidationException("Unable to load assembly '" + name + "'.");
            }
        }

        // In the type or what it inherits from, public or not.
        static MethodInfo Find(Type type, string[] parts) {
            for (var place = type; place != null; place = place.BaseType) {
                var named = new List<MethodInfo>();
                foreach (var candidate in place.GetMethods(Any)) {
                    if (candidate.Name == parts[2]) named.Add(candidate);
                }
                if (named.Count == 1) return named[0];
                if (named.Count > 1) {
                    throw new LambdaValidationException(
                        "The method '" + parts[2] + "' in type '" + place.FullName + "' appears to have a number of "
                        + "overloads. To call this method please specify a complete method signature. Possible candidates "
                        + "are:\n" + string.Join("\n", named) + ".");
                }
            }
            throw new LambdaValidationException(
                "Unable to find method '" + parts[2] + "' in type '" + parts[1] + "' from assembly '" + parts[0]
                + "': Found no methods matching method name '" + parts[2] + "'.");
        }

        static void Validate(Type type, MethodInfo method) {
            Action<bool, string> refuse = (isWrong, message) => {
                if (isWrong) throw new LambdaValidationException(message);
            };
            var parameters = method.GetParameters();
            string start = "The method '" + method + "' cannot be used as a Lambda Handler because it is ";
            refuse(
                method.IsAbstract,
                start + "an abstract method. Handler methods cannot be abstract. Please specify a non-abstract handler method.");
            refuse(
                method.IsGenericMethod,
                start + "a generic method. Handler methods cannot be generic. Please specify a non-generic handler method.");
            refuse(
                method.ReturnType == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute)),
                start + "an 'async void' method. Handler methods cannot be 'async void'. Please specify a method that is not "
                + "'async void'.");
            refuse(
                parameters.Length > 0 && parameters[parameters.Length - 1].IsDefined(typeof(ParamArrayAttribute)),
                start + "a 'params' method. Please specify a method that does not use 'params'.");
            refuse(
                type.IsGenericType,
                "The type '" + type.FullName + "' cannot be used as a Lambda Handler type because it is generic. Handler "
                + "methods cannot be located in generic types. Please specify a handler method in a non-generic type.");
            refuse(
                !method.IsStatic && type.IsAbstract,
                "The instance method '" + method + "' cannot be used as a Lambda Handler because its type '" + type.FullName
                + "' is abstract. Please either use a static handler or specify a type that is not abstract.");
        }

        // The error of a constructor that throws is the function's own, without reflection's around it.
        static object Create(Type type) =>
            Activator.CreateInstance(type, BindingFlags.DoNotWrapExceptions | BindingFlags.Instance | BindingFlags.Public,
                null, null, null);

        // The method's attribute goes before the assembly's.
        static object Serializer(MethodInfo method, Assembly assembly) {
            foreach (var attributes in new[] { method.GetCustomAttributes(false), assembly.GetCustomAttributes(false) }) {
                foreach (var attribute in attributes) {
                    if (attribute.GetType().FullName != "Amazon.Lambda.Core.LambdaSerializerAttribute") continue;
                    var type = attribute.GetType().GetProperty("SerializerType")?.GetValue(attribute) as Type;
                    if (type == null) {
                        throw new LambdaValidationException(
                            "The 'SerializerType' property on attribute class '" + attribute.GetType().FullName
                            + "' is not set.");
                    }
                    if (type.GetConstructor(Type.EmptyTypes) == null) {
                        throw new LambdaValidationException(
                            "The indicated serializer '" + type.FullName + "' does not define a public zero-parameter constructor.");
                    }
                    return Create(type);
                }
            }
            return null;
        }

        void Bind(Type type, Assembly assembly) {
            var parameters = method.GetParameters();
            string subject = "Method '" + method.Name + "' of type '" + type.FullName + "' is not supported: the method has ";
            if (parameters.Length > 2) throw new LambdaValidationException(subject + "more than 2 parameters.");
            if (parameters.Length > 0 && IsContext(parameters[parameters.Length - 1].ParameterType)) {
                contextType = parameters[parameters.Length - 1].ParameterType;
            } else if (parameters.Length == 2) {
                throw new LambdaValidationException(
                    subject + "2 parameters, but the second parameter is not of type 'Amazon.Lambda.Core.ILambdaContext'.");
            }
            if (parameters.Length > (contextType == null ? 0 : 1)) Reads(parameters[0].ParameterType, assembly);

            var output = method.ReturnType;
            if (typeof(Task).IsAssignableFrom(output)) {
                var generic = output;
                while (generic != null && !(generic.IsGenericType && generic.GetGenericTypeDefinition() == typeof(Task<>))) {
                    generic = generic.BaseType;
                }
                taskResult = generic?.GetProperty("Result");
                output = generic == null ? typeof(void) : generic.GenericTypeArguments[0];
            }
            if (output != typeof(void)) Writes(output, assembly);
        }

        static bool IsContext(Type type) => type.FullName == "Amazon.Lambda.Core.ILambdaContext";

        void Reads(Type type, Assembly assembly) {
            if (type.IsAssignableFrom(typeof(MemoryStream)) && typeof(Stream).IsAssignableFrom(type)) {
                read = payload => new MemoryStream(payload);
                return;
            }
            var deserialize = SerializerMethod("Deserialize", "deserialize input", type, assembly);
            read = payload => Call(deserialize, serializer, new MemoryStream(payload));
        }

        void Writes(Type type, Assembly assembly) {
            if (typeof(Stream).IsAssignableFrom(type)) {
                write = value => {
                    if (!(value is Stream stream)) return new byte[0];
                    using (stream) {
                        var bytes = new MemoryStream();
                        stream.CopyTo(bytes);
                        return bytes.ToArray();
                    }
                };
                return;
            }
            var serialize = SerializerMethod("Serialize", "serialize output", type, assembly);
            write = value => {
                var bytes = new MemoryStream();
                Call(serialize, serializer, value, bytes);
                return bytes.ToArray();
            };
        }

        MethodInfo SerializerMethod(string name, string action, Type type, Assembly assembly) {
            if (serializer == null) {
                throw new LambdaValidationException(
                    "Could not find the LambdaSerializerAttribute on the assembly '" + assembly.GetName().Name
                    + "' or method '" + method.Name + "' while attempting to " + action + " data of type '" + type.FullName
                    + "'. To use types other than System.IO.Stream as input/output parameters, the assembly or Lambda "
                    + "function should be annotated with Amazon.Lambda.Core.LambdaSerializerAttribute.");
            }
            var contract = serializer.GetType().GetInterface("Amazon.Lambda.Core.ILambdaSerializer");
            if (contract == null) {
                throw new LambdaValidationException(
                    "The '" + serializer.GetType().FullName
                    + "' class is invalid: it does not implement the 'ILambdaSerializer' interface.");
            }
            return contract.GetMethod(name).MakeGenericMethod(type);
        }

        public byte[] Run(Invocation invocation) {
            var arguments = new List<object>();
            if (read != null) arguments.Add(read(invocation.Payload));
            if (contextType != null) arguments.Add(Context.Make(contextType, invocation, serializer));
            object answer = Call(method, target, arguments.ToArray());
            if (answer is Task task) {
                task.GetAwaiter().GetResult();
                answer = taskResult == null ? null : taskResult.GetValue(task);
            }
            return write == null ? new byte[0] : write(answer);
        }

        static object Call(MethodInfo method, object target, params object[] arguments) =>
            method.Invoke(target, BindingFlags.DoNotWrapExceptions, null, arguments, null);
    }

    // --- The context -------------------------------------------------------------------------------------------------

    // An object that answers the calls of an interface which is known only when the program runs.
    public class Proxy : DispatchProxy {
        Func<string, object[], object> answer;

        protected override object Invoke(MethodInfo method, object[] arguments) {
            string name = method.Name.StartsWith("get_", StringComparison.Ordinal) ? method.Name.Substring(4) : method.Name;
            object value = answer(name, arguments);
            return value == null && method.ReturnType.IsValueType && method.ReturnType != typeof(void)
                ? Activator.CreateInstance(method.ReturnType) : value;
        }

        public static object Make(Type type, Func<string, object[], object> answer) {
            var create = typeof(DispatchProxy).GetMethod("Create", 2, Type.EmptyTypes).MakeGenericMethod(type, typeof(Proxy));
            object made = create.Invoke(null, null);
            ((Proxy)made).answer = answer;
            return made;
        }
    }

    static class Context {
        public static object Make(Type type, Invocation invocation, object serializer) {
            double deadline = double.Parse(
                invocation.Header("lambda-runtime-deadline-ms") ?? "0", CultureInfo.InvariantCulture);
            object client = null, identity = null, logger = null;
            return Proxy.Make(type, (name, arguments) => {
                switch (name) {
                case "AwsRequestId": return invocation.Id;
                case "InvokedFunctionArn": return invocation.Header("lambda-runtime-invoked-function-arn");
                case "TraceId": return invocation.Header("lambda-runtime-trace-id");
                case "TenantId": return invocation.Header("lambda-runtime-aws-tenant-id");
                case "FunctionName": return Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_NAME");
                case "FunctionVersion": return Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_VERSION");
                case "LogGroupName": return Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_GROUP_NAME");
                case "LogStreamName": return Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_STREAM_NAME");
                case "MemoryLimitInMB":
                    int.TryParse(Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), out int memory);
                    return memory;
                case "RemainingTime":
                    return TimeSpan.FromMilliseconds(deadline - (DateTime.UtcNow - DateTime.UnixEpoch).TotalMilliseconds);
                case "Serializer": return serializer;
                case "Logger": return logger ?? (logger = Logger(Result(type, name)));
                case "Identity": return identity ?? (identity = Identity(Result(type, name), invocation));
                case "ClientContext": return client ?? (client = Client(Result(type, name), invocation));
                default: return null;
                }
            });
        }

        static Type Result(Type type, string property) => type.GetProperty(property).PropertyType;

        static object Identity(Type type, Invocation invocation) {
            string header = invocation.Header("lambda-runtime-cognito-identity");
            var fields = header == null ? new JsonElement() : JsonDocument.Parse(header).RootElement;
            return Proxy.Make(type, (name, arguments) =>
                Text(fields, name == "IdentityId" ? "cognitoIdentityId" : "cognitoIdentityPoolId"));
        }

        static object Client(Type type, Invocation invocation) {
            string header = invocation.Header("lambda-runtime-client-context");
            if (header == null) return null;
            var fields = JsonDocument.Parse(header).RootElement;
            var application = Member(fields, "client");
            return Proxy.Make(type, (name, arguments) => {
                switch (name) {
                case "Environment": return Texts(Member(fields, "env"));
                case "Custom": return Texts(Member(fields, "custom"));
                case "Client":
                    return Proxy.Make(Result(type, name), (property, none) => {
                        switch (property) {
                        case "AppPackageName": return Text(application, "app_package_name");
                        case "AppTitle": return Text(application, "app_title");
                        case "AppVersionCode": return Text(application, "app_version_code");
                        case "AppVersionName": return Text(application, "app_version_name");
                        default: return Text(application, "installation_id");
                        }
                    });
                default: return null;
                }
            });
        }

        static JsonElement Member(JsonElement value, string name) =>
            value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out JsonElement member)
                ? member : new JsonElement();

        static string Text(JsonElement value, string name) {
            var member = Member(value, name);
            return member.ValueKind == JsonValueKind.String ? member.GetString() : null;
        }

        static IDictionary<string, string> Texts(JsonElement value) {
            var texts = new Dictionary<string, string>();
            if (value.ValueKind != JsonValueKind.Object) return texts;
            foreach (var member in value.EnumerateObject()) texts[member.Name] = member.Value.ToString();
            return texts;
        }

        // ILambdaLogger: Log and LogLine of one text, and since .NET 6 levels, exceptions and templates with arguments.
        static object Logger(Type type) => Proxy.Make(type, (name, arguments) => {
            if (name == "Log" && arguments.Length == 1) {
                Log.Write(arguments[0] as string);
                return null;
            }
            int next = 0;
            string level = name == "Log" ? arguments[next++].ToString() : name == "LogLine" ? "Information" : name.Substring(3);
            var error = next < arguments.Length ? arguments[next] as Exception : null;
            if (error != null || arguments.Length - next > 2) next++;
            string template = next < arguments.Length ? arguments[next++] as string : null;
            var values = next < arguments.Length ? arguments[next] as object[] : null;
            Log.Line(level, Log.Fill(template, values), error);
            return null;
        });
    }

    // --- Logs and errors ---------------------------------------------------------------------------------------------

    // Lines as AWS's runtime writes them: time, request, level and text, separated by tabs.
    static class Log {
        static readonly string[] Levels = { "Trace", "Debug", "Information", "Warning", "Error", "Critical" };
        static readonly string[] Labels = { "trce", "dbug", "info", "warn", "fail", "crit" };
        static readonly bool IsJson = Setting("FORMAT").Equals("json", StringComparison.OrdinalIgnoreCase);
        static readonly bool IsPlain = Setting("FORMAT").Equals("unformatted", StringComparison.OrdinalIgnoreCase);
        static readonly int Least = LeastLevel();
        static readonly object Gate = new object();
        static TextWriter output;
        public static string RequestId;

        public static void Redirect() {
            output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
            Console.SetOut(new Lines("Information"));
            Console.SetError(new Lines("Error"));
        }

        static string Setting(string name) {
            string own = Environment.GetEnvironmentVariable("AWS_LAMBDA_HANDLER_LOG_" + name);
            return string.IsNullOrEmpty(own) ? Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_" + name) ?? "" : own;
        }

        static int LeastLevel() {
            switch (Setting("LEVEL").ToLowerInvariant()) {
            case "warn": return 3;
            case "fatal": return 5;
            default:
                int index = Array.FindIndex(
                    Levels, level => level.Equals(Setting("LEVEL"), StringComparison.OrdinalIgnoreCase));
                return index < 0 ? (IsJson && Setting("LEVEL").Length == 0 ? 2 : 0) : index;
            }
        }

        public static void Unhandled(Exception error) => Line("Error", "", error);

        public static void Write(string text) {
            lock (Gate) output.Write(text);
        }

        public static void Line(string level, string text, Exception error = null) {
            int index = Array.FindIndex(Levels, known => known.Equals(level, StringComparison.OrdinalIgnoreCase));
            if (index >= 0 && index < Least) return;
            string time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
            string line;
            if (IsJson) {
                line = Json(time, level, text, error);
            } else {
                if (error != null) text += (string.IsNullOrEmpty(text) ? "" : "\n") + error;
                line = IsPlain ? text : time + "\t" + RequestId + "\t" + (index < 0 ? level : Labels[index]) + "\t" + text;
                // One record is one line of the pipe, so its own line ends become carriage returns.
                line = line.Replace('\n', '\r');
            }
            lock (Gate) output.Write(line + "\n");
        }

        static string Json(string time, string level, string text, Exception error) {
            var fields = new Dictionary<string, object> { ["timestamp"] = time, ["level"] = level };
            if (RequestId != null) fields["requestId"] = RequestId;
            fields["message"] = text ?? "";
            if (error != null) {
                fields["errorType"] = error.GetType().FullName;
                fields["errorMessage"] = error.Message;
                fields["stackTrace"] = Errors.Frames(error);
            }
            return JsonSerializer.Serialize(fields);
        }

        // A template's `{name}` or `{0}` places, filled with the arguments in their order.
        public static string Fill(string template, object[] values) {
            if (template == null || values == null || values.Length == 0) return template;
            var text = new StringBuilder();
            int used = 0;
            for (int index = 0; index < template.Length; index++) {
                int close = template[index] == '{' ? template.IndexOf('}', index) : -1;
                if (close < 0 || used == values.Length) {
                    text.Append(template[index]);
                    continue;
                }
                string place = template.Substring(index + 1, close - index - 1);
                int number = int.TryParse(place, out int given) && given >= 0 && given < values.Length ? given : used;
                text.Append(Convert.ToString(values[number], CultureInfo.InvariantCulture));
                used++;
                index = close;
            }
            return text.ToString();
        }

        // What the function writes to the console: whole lines become records, the rest passes as it is.
        sealed class Lines : TextWriter {
            readonly string level;
            public Lines(string level) : base(CultureInfo.InvariantCulture) { this.level = level; }
            public override Encoding Encoding => Encoding.UTF8;
            public override void Write(char value) => Log.Write(value.ToString());
            public override void Write(string value) => Log.Write(value);
            public override void Write(char[] buffer, int index, int count) => Log.Write(new string(buffer, index, count));
            public override void WriteLine() => Line(level, "");
            public override void WriteLine(string value) => Line(level, value);
            public override void WriteLine(object value) => Line(level, Convert.ToString(value, FormatProvider));
            public override void WriteLine(string format, object first) => Line(level, string.Format(format, first));
            public override void WriteLine(string format, object first, object second) =>
                Line(level, string.Format(format, first, second));
            public override void WriteLine(string format, object first, object second, object third) =>
                Line(level, string.Format(format, first, second, third));
            public override void WriteLine(string format, params object[] values) =>
                Line(level, string.Format(format, values));
            public override void WriteLine(char[] buffer, int index, int count) =>
                Line(level, new string(buffer, index, count));
            public override void WriteLine(bool value) => Line(level, value.ToString());
            public override void WriteLine(char value) => Line(level, value.ToString());
            public override void WriteLine(int value) => Line(level, value.ToString(FormatProvider));
            public override void WriteLine(long value) => Line(level, value.ToString(FormatProvider));
            public override void WriteLine(uint value) => Line(level, value.ToString(FormatProvider));
            public override void WriteLine(ulong value) => Line(level, value.ToString(FormatProvider));
            public override void WriteLine(double value) => Line(level, value.ToString(FormatProvider));
            public override void WriteLine(float value) => Line(level, value.ToString(FormatProvider));
            public override void WriteLine(decimal value) => Line(level, value.ToString(FormatProvider));
            public override Task WriteLineAsync() => Done(() => WriteLine());
            public override Task WriteLineAsync(string value) => Done(() => WriteLine(value));
            public override Task WriteLineAsync(char value) => Done(() => WriteLine(value));

            static Task Done(Action write) {
                write();
                return Task.CompletedTask;
            }
        }
    }

    static class Errors {
        const int Limit = 256 * 1024;

        public static string Name(Exception error) => error.GetType().Name;

        public static byte[] Describe(Exception error) {
            var text = JsonSerializer.SerializeToUtf8Bytes(Fields(error));
            return text.Length <= Limit
                ? text : Encoding.UTF8.GetBytes("{\"errorMessage\":\"Exception exceeded maximum payload size of 256KB.\"}");
        }

        static Dictionary<string, object> Fields(Exception error) {
            var fields = new Dictionary<string, object> { ["errorType"] = Name(error), ["errorMessage"] = error.Message };
            var frames = Frames(error);
            if (frames.Length > 0) fields["stackTrace"] = frames;
            if (error.InnerException != null) fields["cause"] = Fields(error.InnerException);
            if (error is AggregateException several) {
                var causes = new List<object>();
                foreach (var each in several.InnerExceptions) causes.Add(Fields(each));
                fields["causes"] = causes;
            }
            return fields;
        }

        public static string[] Frames(Exception error) {
            var frames = new List<string>();
            foreach (string line in (error.StackTrace ?? "").Split('\n')) {
                if (line.Trim().Length > 0) frames.Add(line.Trim());
            }
            return frames.ToArray();
        }
    }

    // --- SnapStart ---------------------------------------------------------------------------------------------------

    // What a function registered with Amazon.Lambda.Core's SnapshotRestore, on both sides of a snapshot, which may be far
    // apart in time: what was registered last is the first before the snapshot and the last after the restoration.
    static class SnapStart {
        // False when the environment cannot be used.
        public static bool Await(RuntimeApi api) {
            if (Environment.GetEnvironmentVariable("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start") return true;
            string path = "/init/error", type = "Runtime.BeforeSnapshotError";
            try {
                var before = Registered("CopyBeforeSnapshotCallbacksToRegistry");
                before.Reverse();
                Run(before);
                api.RestoreNext();
                path = "/restore/error";
                type = "Runtime.AfterRestoreError";
                Run(Registered("CopyAfterRestoreCallbacksToRegistry"));
                return true;
            } catch (Exception error) {
                Log.Unhandled(error);
                api.Post(path, Errors.Describe(error), type);
                return false;
            }
        }

        static void Run(List<Func<ValueTask>> hooks) {
            foreach (var hook in hooks) hook().AsTask().GetAwaiter().GetResult();
        }

        // The library hands its hooks over, in the order in which they were registered, to whoever runs functions. Its
        // versions before SnapStart have none.
        static List<Func<ValueTask>> Registered(string method) {
            var hooks = new List<Func<ValueTask>>();
            foreach (var assembly in AppDomain.CurrentDomain.GetAssemblies()) {
                if (assembly.GetName().Name != "Amazon.Lambda.Core") continue;
                var type = assembly.GetType("Amazon.Lambda.Core.SnapshotRestore");
                var copy = type?.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public);
                copy?.Invoke(null, new object[] { new Action<Func<ValueTask>>(hooks.Add) });
            }
            return hooks;
        }
    }
}
