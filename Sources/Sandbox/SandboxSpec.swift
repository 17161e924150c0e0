package import Linux

/// The read-only root file system that sandboxes of one runtime share. Sealed into the launcher when it starts, so the
/// process that faces the network can name a root but never define one.
package struct RootTemplate: Sendable, Hashable {
    /// A file or directory of the host, visible read-only (nosuid, nodev) at `target`.
    package struct Bind: Sendable, Hashable {
        package var source: String
        package var target: String
        package init(source: String, target: String) {
            self.source = source
            self.target = target
        }
    }
    /// A small file written into the root, such as `/etc/passwd`.
    package struct File: Sendable, Hashable {
        package var path: String
        package var contents: [UInt8]
        package init(path: String, contents: [UInt8]) {
            self.path = path
            self.contents = contents
        }
    }
    package struct Symlink: Sendable, Hashable {
        package var path: String
        package var target: String
        package init(path: String, target: String) {
            self.path = path
            self.target = target
        }
    }

    package var name: String
    package var binds: [Bind]
    package var files: [File]
    package var symlinks: [Symlink]
    /// Empty directories, mount points among them. `/tmp`, `/proc`, `/dev`, `/var/task`, `/opt` are always there.
    package var directories: [String]

    package init(name: String, binds: [Bind], files: [File] = [], symlinks: [Symlink] = [], directories: [String] = [])
    {
        self.name = name
        self.binds = binds
        self.files = files
        self.symlinks = symlinks
        self.directories = directories
    }
}

/// A directory of the host that sandboxes may share, writable. Sealed into the launcher when it starts, as roots are.
package struct FileSystemDirectory: Sendable, Hashable {
    /// Names it in a ``SandboxSpec``: one path component.
    package var name: String
    /// Absolute. What is mounted below it stays out of sight.
    package var path: String

    package init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}

/// A ``FileSystemDirectory`` in a sandbox.
package struct FileSystemMount: Sendable, Hashable {
    package var name: String
    /// The name of the directory below `/mnt` at which it appears.
    package var place: String

    package init(name: String, place: String) {
        self.name = name
        self.place = place
    }
}

/// What one sandbox may use at most.
package struct SandboxLimits: Sendable, Hashable {
    /// Resident memory with swap, MiB.
    package var memoryMiB: Int
    /// Thousandths of a core: 1,769 MB of function memory earn one full core.
    package var cpuMillis: Int
    /// Thousandths of a core until ``Sandboxing/settle(_:)`` if they are more than `cpuMillis`: AWS initialises
    /// functions faster than their memory has earned. Nil for none.
    package var initializationCPUMillis: Int?
    /// Size of `/tmp`, MiB.
    package var temporaryStorageMiB: Int
    package var processes: Int
    package var descriptors: Int

    package init(memoryMiB: Int, temporaryStorageMiB: Int = 512, processes: Int = 1024, descriptors: Int = 1024) {
        self.memoryMiB = memoryMiB
        self.cpuMillis = max(1, memoryMiB * 1000 / 1769)
        self.temporaryStorageMiB = temporaryStorageMiB
        self.processes = processes
        self.descriptors = descriptors
    }
}

/// One sandbox to start.
package struct SandboxSpec: Sendable, Hashable {
    /// Names a ``RootTemplate`` that the launcher was started with. Nil: the code, an unpacked container image, is the
    /// root.
    package var root: String?
    /// The function's unpacked code: the name of one directory directly under the launcher's code directory. It appears
    /// read-only at `/var/task`, or, without a template, at `/`.
    package var code: String
    /// The merged content of the function's layers, named like `code`. It appears read-only at `/opt`, which is empty
    /// when this is nil. Images have none.
    package var layers: String?
    /// Appears read-write (nosuid, nodev) below `/mnt`, which is empty when this is nil. The command acts in it as the
    /// directory's owner.
    package var fileSystem: FileSystemMount?
    /// The command: `arguments[0]` is an absolute path inside the sandbox. In an image it may be relative to the
    /// working directory, or a name alone, which is looked for in `PATH`.
    package var arguments: [String]
    /// The command's absolute path where nothing is at `arguments[0]`.
    package var fallback: String?
    /// `NAME=value` pairs, the whole environment of the command.
    package var environment: [String]
    package var workingDirectory: String
    package var limits: SandboxLimits
    /// What the command finds in its environment when it may be started before it is known for whom: it then learns
    /// `environment` over a socket (``bindingVariable``). Nil when it must not be.
    package var bootEnvironment: [String]?
    /// Whether the command, when it is started ahead with ``zygoteVariable`` in its environment, makes itself ready and
    /// then calls `fork` once, in whose children it goes on as if each had been started ahead. It may have one thread.
    package var isForkable: Bool
    /// Whom its processes let go first, until ``Sandboxing/settle(_:)`` or ``Sandboxing/raise(_:)``.
    package var precedence = Precedence.ordinary

    package static let zygoteVariable = "APUS_ZYGOTE"
    /// The variable that names the descriptor of that socket, whose other end sends, once, the size of `environment` in
    /// bytes (32 bits, little-endian) and its pairs, each ended by a zero. A socket that ends before wants no command.
    package static let bindingVariable = "APUS_BINDING"

    package init(
        root: String?, code: String, layers: String? = nil, fileSystem: FileSystemMount? = nil, arguments: [String],
        fallback: String? = nil, environment: [String], workingDirectory: String = "/var/task", limits: SandboxLimits,
        bootEnvironment: [String]? = nil, isForkable: Bool = false
    ) {
        self.root = root
        self.code = code
        self.layers = layers
        self.fileSystem = fileSystem
        self.arguments = arguments
        self.fallback = fallback
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.limits = limits
        self.bootEnvironment = bootEnvironment
        self.isForkable = isForkable
    }
}

/// A protection that this host cannot give. `serve` refuses to run functions until the operator accepts each by name.
package enum Weakness: String, Sendable, Hashable, CaseIterable {
    case memoryLimit = "memory-limit"
    case cpuLimit = "cpu-limit"
    case processLimit = "process-limit"
    /// Functions get a network of their own without a way out: they reach Apus's endpoint, not the internet.
    case noInternet = "no-internet"

    /// One sentence for the operator: what is missing and what follows.
    package var explanation: String {
        switch self {
        case .memoryLimit: "no memory cgroup can be used: a function may exceed its memory"
        case .cpuLimit: "no cpu cgroup can be used: a function may take more than its share of the processors"
        case .processLimit: "no pids cgroup can be used: only RLIMIT_NPROC bounds a function's processes"
        case .noInternet: "no route out of the functions' network: slirp4netns, nft or /dev/net/tun is missing"
        }
    }
}
