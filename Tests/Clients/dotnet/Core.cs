// The public names of the package Amazon.Lambda.Core that functions are written against, as version 1 has them, and a
// serializer as Amazon.Lambda.Serialization.SystemTextJson's. Compiled to Amazon.Lambda.Core.dll, in a function's own zip.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using System.Threading.Tasks;

namespace Amazon.Lambda.Core {
    public interface ILambdaSerializer {
        T Deserialize<T>(Stream requestStream);
        void Serialize<T>(T response, Stream responseStream);
    }

    [AttributeUsage(AttributeTargets.Method | AttributeTargets.Assembly)]
    public sealed class LambdaSerializerAttribute : Attribute {
        public Type SerializerType { get; set; }
        public LambdaSerializerAttribute(Type serializerType) { SerializerType = serializerType; }
    }

    public interface ILambdaLogger {
        void Log(string message);
        void LogLine(string message);
        void Log(string level, string message);
        void LogWarning(string message);
        void LogError(Exception exception, string message, params object[] args);
        void LogInformation(string message, params object[] args);
    }

    public interface ICognitoIdentity {
        string IdentityId { get; }
        string IdentityPoolId { get; }
    }

    public interface IClientApplication {
        string AppTitle { get; }
        string InstallationId { get; }
    }

    public interface IClientContext {
        IDictionary<string, string> Environment { get; }
        IClientApplication Client { get; }
        IDictionary<string, string> Custom { get; }
    }

    public interface ILambdaContext {
        string AwsRequestId { get; }
        IClientContext ClientContext { get; }
        string FunctionName { get; }
        string FunctionVersion { get; }
        ICognitoIdentity Identity { get; }
        string InvokedFunctionArn { get; }
        ILambdaLogger Logger { get; }
        string LogGroupName { get; }
        string LogStreamName { get; }
        int MemoryLimitInMB { get; }
        TimeSpan RemainingTime { get; }
    }

    // As version 2.5 has it: hooks wait here until whoever runs functions takes them.
    public static class SnapshotRestore {
        static readonly Queue<Func<ValueTask>> Before = new Queue<Func<ValueTask>>();
        static readonly Queue<Func<ValueTask>> After = new Queue<Func<ValueTask>>();

        public static void RegisterBeforeSnapshot(Func<ValueTask> hook) => Before.Enqueue(hook);
        public static void RegisterAfterRestore(Func<ValueTask> hook) => After.Enqueue(hook);

        internal static void CopyBeforeSnapshotCallbacksToRegistry(Action<Func<ValueTask>> register) {
            while (Before.Count > 0) register(Before.Dequeue());
        }

        internal static void CopyAfterRestoreCallbacksToRegistry(Action<Func<ValueTask>> register) {
            while (After.Count > 0) register(After.Dequeue());
        }
    }

    public class JsonLambdaSerializer : ILambdaSerializer {
        static readonly JsonSerializerOptions Options = new JsonSerializerOptions { PropertyNameCaseInsensitive = true };

        public T Deserialize<T>(Stream stream) {
            using (var bytes = new MemoryStream()) {
                stream.CopyTo(bytes);
                return JsonSerializer.Deserialize<T>(bytes.ToArray(), Options);
            }
        }

        public void Serialize<T>(T response, Stream stream) {
            var bytes = JsonSerializer.SerializeToUtf8Bytes(response, Options);
            stream.Write(bytes, 0, bytes.Length);
        }
    }
}
