#!/bin/sh
# bootstrap-java.sh JAVA ARCHIVE: starts a Java function. The first environments of a server's data directory wait until
# the bootstrap has been compiled. What stands in `flags` can be overridden by JAVA_TOOL_OPTIONS, as on AWS.
runtime=${LAMBDA_RUNTIME_DIR:-/var/runtime}
until [ -f "$runtime/bootstrap-java.jar" ]; do
    if [ -f "$runtime/bootstrap-java.failed" ]; then
        cat "$runtime/bootstrap-java.failed" >&2
        exit 1
    fi
    sleep 0.02
done
java=$1
archive=$2
set -- -XX:Flags="$runtime/java/flags" -XX:MaxRAM="${AWS_LAMBDA_FUNCTION_MEMORY_SIZE:-128}m"
if [ -f "$runtime/$archive" ]; then set -- "$@" -XX:SharedArchiveFile="$runtime/$archive" '-Xlog:cds*=off'; fi
exec "$java" "$@" -cp "$runtime/bootstrap-java.jar" apus.lambda.Bootstrap
