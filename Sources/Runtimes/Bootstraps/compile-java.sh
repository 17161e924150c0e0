# sh -c THIS sh DIRECTORY JAVAC [JAVA ARCHIVE]...: compiles DIRECTORY/java into DIRECTORY/bootstrap-java.jar, or says in
# DIRECTORY/bootstrap-java.failed why not, and lets each JAVA make its ARCHIVE of the classes that every function loads.
set -eu
directory=$1
javac=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$directory"
rm -f bootstrap-java.failed
if [ ! -f bootstrap-java.jar ]; then
    if "$javac" -nowarn -Xlint:none -encoding UTF-8 -source 8 -target 8 -d "$work/classes" java/*.java >"$work/said" 2>&1 &&
        "${javac%javac}jar" cf0 "$work/jar" -C "$work/classes" . >>"$work/said" 2>&1; then
        cp "$work/jar" "bootstrap-java.jar.$$"
        mv "bootstrap-java.jar.$$" bootstrap-java.jar
    else
        cp "$work/said" "bootstrap-java.failed.$$"
        mv "bootstrap-java.failed.$$" bootstrap-java.failed
        exit 1
    fi
fi
# An archive is good for one path of the class file: for the one in sandboxes.
user=
if [ "$(id -u)" -ne 0 ]; then user=--map-root-user; fi
while [ $# -ge 2 ]; do
    if [ ! -f "$2" ]; then
        unshare $user --mount /bin/sh -c '
            mount --make-rprivate / && mount --bind "$1" /mnt && mount -t tmpfs tmpfs /var && mkdir /var/runtime &&
                mount --bind /mnt /var/runtime && cd / || exit 1
            exec "$2" -XX:Flags=/var/runtime/java/flags -XX:MaxRAM=512m -XX:ArchiveClassesAtExit="/var/runtime/$3" \
                -cp /var/runtime/bootstrap-java.jar apus.lambda.Training' sh "$directory" "$1" "$2.$$" >/dev/null 2>&1 || :
        if [ -s "$2.$$" ]; then mv "$2.$$" "$2"; else rm -f "$2.$$"; fi
    fi
    shift 2
done
