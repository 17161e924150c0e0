# What the .NET in FRAMEWORK (ROOT/shared/Microsoft.NETCore.App/VERSION) is, as name=value lines: `sh -c THIS sh FRAMEWORK
# DIRECTORY SOURCE`. Compiles the bootstrap SOURCE for it with the C# compiler of its SDK or with Mono's, runs what came
# out, and leaves it in DIRECTORY, if that can be written to. Nothing is run from DIRECTORY, which is the server's, while
# this may be root.
set -eu
framework=$1
directory=$2
root=${framework%/shared/Microsoft.NETCore.App/*}
version=${framework##*/}
stem=bootstrap-dotnet$version
export DOTNET_NOLOGO=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s' "$3" >"$work/bootstrap.cs"

set -- -nologo -noconfig -nostdlib -optimize -target:exe
for reference in System.Private.CoreLib System.Runtime System.Runtime.Extensions System.Runtime.Loader \
    System.Runtime.InteropServices System.Collections System.Console System.IO.FileSystem System.Memory \
    System.Net.NameResolution System.Net.Primitives System.Net.Sockets System.Reflection.DispatchProxy \
    System.Text.Json System.Threading.Tasks; do
    if [ -f "$framework/$reference.dll" ]; then set -- "$@" "-r:$framework/$reference.dll"; fi
done

roslyn=
for file in "$root"/sdk/*/Roslyn/bincore/csc.dll; do
    if [ -f "$file" ]; then roslyn=$file; fi
done
if [ -n "$roslyn" ]; then
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 "$root/dotnet" "$roslyn" "$@" "-out:$work/$stem.dll" "$work/bootstrap.cs"
elif command -v mcs >/dev/null; then
    mcs "$@" "-out:$work/$stem.dll" "$work/bootstrap.cs"
else
    exit 1
fi >&2
cat >"$work/$stem.runtimeconfig.json" <<JSON
{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"$version"}}}
JSON
# Some know no ICU of this system, and start only if they are told to do without cultures.
if ! answer=$("$root/dotnet" exec "$work/$stem.dll" --version); then
    export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
    answer=$("$root/dotnet" exec "$work/$stem.dll" --version)
    touch "$work/$stem.invariant"
fi
echo "version=$answer"
echo "executable=$root/dotnet"
echo "compiled=$stem.dll"
for file in "$stem.invariant" "$stem.runtimeconfig.json" "$stem.dll"; do
    if [ -e "$work/$file" ] && [ -w "$directory" ]; then
        cp "$work/$file" "$directory/$file.tmp"
        mv "$directory/$file.tmp" "$directory/$file"
    fi
done
