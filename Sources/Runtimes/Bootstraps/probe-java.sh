# What the program $0, .../bin/java, belongs to, as name=value lines. Java itself is not started.
PATH=$PATH:/usr/bin:/bin
home=${0%/bin/java}
if [ ! -f "$home/release" ] && [ -f "${home%/jre}/release" ]; then home=${home%/jre}; fi
# 1.8.0_392 is 8.0.392; 25 is 25.0.0.
version=$(sed -n 's/^JAVA_VERSION="\(1\.\)\{0,1\}\([0-9._]*\).*/\2/p' "$home/release" | tr _ .)
echo "version=$version.0.0"
echo "executable=$home/bin/java"
if [ -x "$home/bin/javac" ]; then echo "compiler=$home/bin/javac"; fi
