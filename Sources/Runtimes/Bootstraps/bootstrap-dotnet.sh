#!/bin/sh
# bootstrap-dotnet.sh DOTNET BOOTSTRAP MEMORY: starts a .NET function that has MEMORY MiB. A handler without `::` names an
# assembly with a Main of its own, or an executable; any other is loaded by BOOTSTRAP. What the function needs of .NET
# stands in its own runtimeconfig.json. Before it is known for which function (APUS_BINDING), BOOTSTRAP is started with
# the command that starts again what needs another start.
dotnet=$1
bootstrap=$2
task=${LAMBDA_TASK_ROOT:-/var/task}

# .NET would take the machine's memory for the function's.
if [ -z "${DOTNET_GCHeapHardLimit-}${COMPlus_GCHeapHardLimit-}" ]; then
    limit=$(printf '%x' $(($3 * 1048576 / 10 * 9)))
    export DOTNET_GCHeapHardLimit="$limit" COMPlus_GCHeapHardLimit="$limit"
fi
# Where .NET found no ICU that it knows, it starts only if it is told to do without cultures.
if [ -e "${2%.dll}.invariant" ]; then
    export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="${DOTNET_SYSTEM_GLOBALIZATION_INVARIANT-1}"
fi
# The debugger's sockets are of no use where nobody can connect to them.
export DOTNET_EnableDiagnostics="${DOTNET_EnableDiagnostics-0}" COMPlus_EnableDiagnostics="${COMPlus_EnableDiagnostics-0}"

own=${2%.dll}.runtimeconfig.json
if [ -n "${APUS_BINDING-}" ]; then
    exec "$dotnet" exec --runtimeconfig "$own" --roll-forward Major "$bootstrap" "$0" "$@"
fi
case $_HANDLER in
*::*) name=${_HANDLER%%::*} ;;
*)
    name=${_HANDLER%.dll}
    if [ ! -f "$task/$name.dll" ]; then
        if [ -f "$task/$name" ]; then exec "$task/$name"; fi
        echo "Error: executable assembly $task/$name.dll or binary $task/$name not found." >&2
        exit 104
    fi
    bootstrap=$task/$name.dll
    ;;
esac
config=$task/$name.runtimeconfig.json
if [ ! -f "$config" ]; then config=$own; fi
exec "$dotnet" exec --runtimeconfig "$config" --roll-forward Major "$bootstrap"
