#!/bin/sh
# bootstrap-java.sh JAVA STEM ARCHIVE MEMORY: starts a Java function, or what will be one, that has MEMORY MiB, with
# STEM.jar, which was compiled before the function became active. What stands in `flags` can be overridden by
# JAVA_TOOL_OPTIONS, as on AWS.
if [ ! -f "$2.jar" ]; then
    if [ -f "$2.failed" ]; then cat "$2.failed" >&2; else echo "Error: $2.jar is missing." >&2; fi
    exit 1
fi
java=$1
jar=$2.jar
archive=$3
set -- -XX:Flags=/var/runtime/java/flags -XX:MaxRAM="$4m"
if [ -f "$archive" ]; then set -- "$@" -XX:SharedArchiveFile="$archive" '-Xlog:cds*=off'; fi
exec "$java" "$@" -cp "$jar" apus.lambda.Bootstrap
