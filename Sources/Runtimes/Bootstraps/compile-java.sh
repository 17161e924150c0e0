# sh -c THIS sh FILES COMPILED STEM JAVAC [JAVA ARCHIVE]...: compiles FILES/java into COMPILED/STEM.jar, or says in
# COMPILED/STEM.failed why not, and lets each JAVA make its COMPILED/ARCHIVE of the classes that every function loads.
set -eu
files=$1
compiled=$2
stem=$3
javac=$4
shift 4
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$compiled"
rm -f "$stem.failed"
if [ ! -f "$stem.jar" ]; then
    if "$javac" -nowarn -Xlint:none -encoding UTF-8 -source 8 -target 8 -d "$work/classes" \
        "$files"/java/crac/*.java "$files"/java/*.java \
        >"$work/said" 2>&1 && "${javac%javac}jar" cf0 "$work/jar" -C "$work/classes" . >>"$work/said" 2>&1; then
        cp "$work/jar" "$stem.$$"
        mv "$stem.$$" "$stem.jar"
    else
        cp "$work/said" "$stem.$$"
        mv "$stem.$$" "$stem.failed"
        exit 1
    fi
fi
# An archive is good for one path of the class file: for the one in sandboxes.
user=
if [ "$(id -u)" -ne 0 ]; then user=--map-root-user; fi
while [ $# -ge 2 ]; do
    if [ ! -f "$2" ]; then
        unshare $user --mount /bin/sh -c '
            mount --make-rprivate / && mount --bind "$1" /mnt && mount --bind "$2" /media &&
                mount -t tmpfs tmpfs /var && mkdir /var/runtime /var/compiled &&
                mount --bind /mnt /var/runtime && mount --bind /media /var/compiled && cd / || exit 1
            exec "$3" -XX:Flags=/var/runtime/java/flags -XX:MaxRAM=512m -XX:ArchiveClassesAtExit="/var/compiled/$4" \
                -cp "/var/compiled/$5.jar" apus.lambda.Rehearsal' sh "$files" "$compiled" "$1" "$2.$$" "$stem" \
            >/dev/null 2>&1 || :
        if [ -s "$2.$$" ]; then mv "$2.$$" "$2"; else rm -f "$2.$$"; fi
    fi
    shift 2
done
