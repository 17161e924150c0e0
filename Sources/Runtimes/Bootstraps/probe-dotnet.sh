#!/bin/sh
# probe-dotnet.sh FRAMEWORK DIRECTORY: what the .NET in FRAMEWORK (…/shared/Microsoft.NETCore.App/VERSION) is, as name=value
# lines. Compiles DIRECTORY/bootstrap.cs for it with the C# compiler of its SDK or with Mono's, and runs what came out.
set -eu
framework=$1
directory=$2
root=${framework%/shared/Microsoft.NETCore.App/*}
stem=bootstrap-dotnet${framework##*/}
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_NOLOGO=1

set -- -nologo -noconfig -nostdlib -optimize -target:exe
for reference in System.Private.CoreLib System.Runtime System.Runtime.Extensions System.Runtime.Loader \
    System.Runtime.InteropServices System.Collections System.Console System.IO.FileSystem System.Memory System.Net.NameResolution \
    System.Net.Primitives System.Net.Sockets System.Reflection.DispatchProxy System.Text.Json System.Threading.Tasks; do
    if [ -f "$framework/$reference.dll" ]; then set -- "$@" "-r:$framework/$reference.dll"; fi
done

roslyn=
for file in "$root"/sdk/*/Roslyn/bincore/csc.dll; do
    if [ -f "$file" ]; then roslyn=$file; fi
done
if [ -n "$roslyn" ]; then
    "$root/dotnet" "$roslyn" "$@" "-out:$directory/$stem.tmp" "$directory/bootstrap.cs"
elif command -v mcs >/dev/null; then
    mcs "$@" "-out:$directory/$stem.tmp" "$directory/bootstrap.cs"
else
    exit 1
fi >&2

cat >"$directory/$stem.runtimeconfig.json" <<JSON
{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"${framework##*/}"}}}
JSON
mv "$directory/$stem.tmp" "$directory/$stem.dll"
version=$("$root/dotnet" exec "$directory/$stem.dll" --version)
echo "version=$version"
echo "executable=$root/dotnet"
echo "compiled=$stem.dll"
