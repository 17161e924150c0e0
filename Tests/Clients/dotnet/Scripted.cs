// What New-AWSPowerShellLambdaPackage generates for Scripted.ps1, but for the base class's name.
using Test.Host;

namespace Scripted {
    public class Bootstrap : ScriptFunctionHost {
        public Bootstrap() : base("Scripted.ps1") {}
    }
}
