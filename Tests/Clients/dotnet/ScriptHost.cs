// In the shape of Amazon.Lambda.PowerShellHost: a base class in an assembly of its own, which has the handler.
using System.IO;
using System.Text;
using Amazon.Lambda.Core;

namespace Test.Host {
    public abstract class ScriptFunctionHost {
        readonly string script;

        protected ScriptFunctionHost(string script) { this.script = script; }

        public Stream ExecuteFunction(Stream inputStream, ILambdaContext context) {
            var folder = Path.GetDirectoryName(GetType().Assembly.Location);
            var text = File.ReadAllText(Path.Combine(folder, script)).Trim() + new StreamReader(inputStream).ReadToEnd();
            return new MemoryStream(Encoding.UTF8.GetBytes("[\"" + context.FunctionName + "\"," + text + "]"));
        }
    }
}
