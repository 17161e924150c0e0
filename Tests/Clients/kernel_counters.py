"""What single threads of a running program do, counted by the kernel (perf_event_open): exact, and without slowing them much."""

import ctypes
import os
import pathlib
import struct
import subprocess
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)
PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
PERF_TYPE_TRACEPOINT = 2
SET_FILTER = 0x40082406
SOURCES = pathlib.Path("/sys/bus/event_source/devices")

ALLOCATORS = ("malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign")


class Unavailable(Exception):
    """The kernel does not count for us."""


class Counter:
    """One event of one thread."""

    def __init__(self, thread, kind, config=0, path=None, offset=0, filter=None):
        name = ctypes.create_string_buffer(str(path).encode()) if path else None
        attributes = bytearray(128)
        struct.pack_into("=IIQ", attributes, 0, kind, len(attributes), config)
        if name:
            struct.pack_into("=QQ", attributes, 56, ctypes.addressof(name), offset)
        number = PERF_EVENT_OPEN.get(os.uname().machine)
        if number is None:
            raise Unavailable("perf_event_open has no known number here")
        self.descriptor = LIBC.syscall(number, (ctypes.c_char * 128).from_buffer(attributes), thread, -1, -1, 8)
        if self.descriptor < 0:
            raise Unavailable(f"perf_event_open: {os.strerror(ctypes.get_errno())}")
        if filter and LIBC.ioctl(self.descriptor, SET_FILTER, ctypes.c_char_p(filter.encode())) < 0:
            self.close()
            raise Unavailable(f"a filter of events: {os.strerror(ctypes.get_errno())}")

    def read(self):
        return struct.unpack("=Q", os.read(self.descriptor, 8))[0]

    def close(self):
        os.close(self.descriptor)


class Counters:
    """Events by name, each summed over the threads."""

    def __init__(self, threads, events):
        self.counters = {}
        try:
            for name, settings in events.items():
                for thread in threads:
                    for each in settings:
                        self.counters.setdefault(name, []).append(Counter(thread, **each))
        except Unavailable:
            self.close()
            raise

    def read(self):
        return {name: self.count(name) for name in self.counters}

    def count(self, name):
        return sum(counter.read() for counter in self.counters[name])

    def close(self):
        for counters in self.counters.values():
            for counter in counters:
                counter.close()


def allocations():
    """Calls of the C library that give out memory. The program has to have this process's C library."""
    try:
        kind = int((SOURCES / "uprobe/type").read_text())
    except OSError as error:
        raise Unavailable(str(error)) from None
    return {"allocations": [{"kind": kind, "path": path, "offset": offset} for path, offset in map(place, ALLOCATORS)]}


def place(function):
    """The file that a function of the C library is in, and where."""
    address = ctypes.cast(getattr(LIBC, function), ctypes.c_void_p).value
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        fields = line.split()
        begin, end = (int(text, 16) for text in fields[0].split("-"))
        if begin <= address < end:
            return fields[5], address - begin + int(fields[2], 16)
    raise Unavailable(f"{function} is in no mapping")


def system_calls(numbers):
    """All system calls, and those of `{name: number}` apart."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tracefs", "none", folder], capture_output=True, text=True)
        if mounted.returncode:
            raise Unavailable(mounted.stderr)
        try:
            entry = {"kind": PERF_TYPE_TRACEPOINT, "config": int(pathlib.Path(folder, "events/raw_syscalls/sys_enter/id").read_text())}
        except OSError as error:
            raise Unavailable(str(error)) from None
        finally:
            subprocess.run(["umount", folder], check=True)
    return {"all": [entry], **{name: [{**entry, "filter": f"id == {number}"}] for name, number in numbers.items()}}
