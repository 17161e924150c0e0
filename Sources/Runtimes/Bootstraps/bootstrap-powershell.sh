#!/bin/sh
# bootstrap-powershell.sh PWSH: starts a function of an OS-only runtime whose handler is one of PowerShell's. One that
# brings an executable, or has it from a layer, is run by that, as on AWS; else PWSH runs it through bootstrap.ps1.
task=${LAMBDA_TASK_ROOT:-/var/task}
for own in "$task/bootstrap" /opt/bootstrap; do
    if [ -e "$own" ]; then exec "$own"; fi
done

# .NET would take the machine's memory for the function's.
if [ -z "${DOTNET_GCHeapHardLimit-}" ] && [ -n "${AWS_LAMBDA_FUNCTION_MEMORY_SIZE-}" ]; then
    DOTNET_GCHeapHardLimit=$(printf '%x' $((AWS_LAMBDA_FUNCTION_MEMORY_SIZE * 1048576 / 10 * 9)))
    export DOTNET_GCHeapHardLimit
fi
# The debugger's sockets are of no use where nobody can connect to them.
export DOTNET_EnableDiagnostics="${DOTNET_EnableDiagnostics-0}"
# Nothing of PowerShell's own that goes out, asks for news or wants a home that can be written to.
export POWERSHELL_TELEMETRY_OPTOUT="${POWERSHELL_TELEMETRY_OPTOUT-1}"
export POWERSHELL_UPDATECHECK="${POWERSHELL_UPDATECHECK-Off}"
export HOME="${HOME:-/tmp}"
exec "$1" -NoLogo -NoProfile -NonInteractive -File "${0%/*}/bootstrap.ps1"
