// Handlers of every shape that AWS's .NET runtimes take, and of some that they refuse.
using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

[assembly: LambdaSerializer(typeof(JsonLambdaSerializer))]

namespace Test {
    public class Person {
        public string Name { get; set; }
        public int Age { get; set; }
    }

    public class Shapes {
        int calls;

        public Stream Streams(Stream input) {
            var text = new StreamReader(input).ReadToEnd();
            return new MemoryStream(Encoding.UTF8.GetBytes("{\"got\":" + text + "}"));
        }

        public async Task<Stream> StreamLater(Stream input) {
            await Task.Delay(1);
            return Streams(input);
        }

        public Person Poco(Person person) => new Person { Name = person.Name.ToUpperInvariant(), Age = person.Age + 1 };

        public async Task<Person> PocoLater(Person person, ILambdaContext context) {
            await Task.Yield();
            return new Person { Name = person.Name + context.FunctionName.Length, Age = person.Age };
        }

        public string Text(string text) => text + "!";
        public static int Static(int number) => number * 2;
        public int Count() => ++calls;
        public void Nothing(Person person) {}
        public Task NothingLater(Person person) => Task.Delay(1);
        private int Hidden(int number) => -number;

        public Dictionary<string, object> Context(ILambdaContext context) => new Dictionary<string, object> {
            ["id"] = context.AwsRequestId, ["name"] = context.FunctionName, ["version"] = context.FunctionVersion,
            ["arn"] = context.InvokedFunctionArn, ["memory"] = context.MemoryLimitInMB, ["group"] = context.LogGroupName,
            ["stream"] = context.LogStreamName, ["remaining"] = context.RemainingTime.TotalMilliseconds,
            ["title"] = context.ClientContext?.Client.AppTitle, ["custom"] = context.ClientContext?.Custom["key"],
            ["environment"] = context.ClientContext?.Environment["locale"], ["identity"] = context.Identity.IdentityId,
            ["trace"] = Environment.GetEnvironmentVariable("_X_AMZN_TRACE_ID"),
            ["execution"] = Environment.GetEnvironmentVariable("AWS_EXECUTION_ENV"),
        };

        // What a process has from its start, as .NET and its children find it.
        public Dictionary<string, object> Surroundings() {
            var variables = new Dictionary<string, object>();
            foreach (System.Collections.DictionaryEntry each in Environment.GetEnvironmentVariables()) {
                variables[(string)each.Key] = each.Value;
            }
            var start = new System.Diagnostics.ProcessStartInfo("/usr/bin/env") { RedirectStandardOutput = true };
            using (var child = System.Diagnostics.Process.Start(start)) {
                return new Dictionary<string, object> {
                    ["ahead"] = File.ReadAllText("/proc/self/environ").Contains("APUS_BINDING="),
                    ["variables"] = variables, ["native"] = Marshal.PtrToStringUTF8(getenv("OWN")),
                    ["inherited"] = child.StandardOutput.ReadToEnd(), ["directory"] = Directory.GetCurrentDirectory(),
                    ["here"] = File.Exists("Functions.dll"), ["zone"] = TimeZoneInfo.Local.BaseUtcOffset.TotalHours,
                    ["temporary"] = Directory.GetFileSystemEntries("/tmp"),
                };
            }
        }

        [DllImport("libc")]
        static extern IntPtr getenv(string name);

        public string Logs(Person person, ILambdaContext context) {
            Console.WriteLine("to the console");
            Console.Error.WriteLine("to the errors");
            Console.Write("in pieces\n");
            context.Logger.LogLine("a line\nof two");
            context.Logger.Log("raw\n");
            context.Logger.Log("Debug", "a level");
            context.Logger.LogWarning("a warning");
            context.Logger.LogInformation("{count} of {1}", 1, "two");
            context.Logger.LogError(new InvalidOperationException("inner"), "an error {0}", 7);
            return context.AwsRequestId;
        }

        public string Fails(Person person) => throw new ArgumentException("no such " + person.Name, new FormatException("cause"));
        public async Task<string> FailsLater(Person person) {
            await Task.Yield();
            throw new KeyNotFoundException("later");
        }

        public string Overloaded(string text) => "text " + text;
        public string Overloaded(int number) => "number " + number;
        public async void AsyncVoid(Person person) => await Task.Yield();
        public T Generic<T>(T value) => value;
        public int Three(int first, int second, ILambdaContext context) => 3;
        public int NoContext(int first, int second) => 2;
    }

    public class Base {
        public string Inherited(string text) => "inherited " + text;
    }

    public class Derived : Base {}

    public abstract class Abstract {
        public string Handle(string text) => text;
    }

    public class Throws {
        public Throws() { throw new NotSupportedException("not today"); }
        public string Handle(string text) => text;
    }
}
