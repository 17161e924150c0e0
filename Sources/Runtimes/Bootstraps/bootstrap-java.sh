#!/bin/sh
# bootstrap-java.sh JAVA STEM ARCHIVE: starts a Java function. The first environments of a server's data directory wait
# until STEM.jar has been compiled. What stands in `flags` can be overridden by JAVA_TOOL_OPTIONS, as on AWS.
until [ -f "$2.jar" ]; do
    if [ -f "$2.failed" ]; then
        cat "$2.failed" >&2
        exit 1
    fi
    sleep 0.02
done
java=$1
jar=$2.jar
archive=$3
set -- -XX:Flags=/var/runtime/java/flags -XX:MaxRAM="${AWS_LAMBDA_FUNCTION_MEMORY_SIZE:-128}m"
if [ -f "$archive" ]; then set -- "$@" -XX:SharedArchiveFile="$archive" '-Xlog:cds*=off'; fi
exec "$java" "$@" -cp "$jar" apus.lambda.Bootstrap
