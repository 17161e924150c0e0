/// Everything the launcher is told once, when it starts. Afterwards the process that faces the network can only name
/// what is in here.
package struct LauncherConfiguration: Sendable, Hashable {
    package var roots: [RootTemplate]
    /// The directory whose entries are functions' unpacked code. Absolute.
    package var codeDirectory: String
    /// What sandboxes may have below `/mnt`.
    package var fileSystems: [FileSystemDirectory]
    /// An existing directory that the launcher covers with a tmpfs of its own, which nobody else sees. Absolute.
    package var runDirectory: String
    /// Sandboxes start only if every weakness that is found is in here.
    package var accepted: [Weakness]
    /// The port of Apus's endpoint as functions see it.
    package var endpointPort: UInt16
    /// The first of the host's user and group ids that sandboxes run as when the launcher is root, one each.
    package var userBase: UInt32
    /// How many sandboxes there may be at a time: 1 to 32,000.
    package var maximumSandboxes: Int

    package init(
        roots: [RootTemplate], codeDirectory: String, fileSystems: [FileSystemDirectory] = [], runDirectory: String,
        accepted: [Weakness] = [], endpointPort: UInt16 = 4566, userBase: UInt32 = 0x7000_0000,
        maximumSandboxes: Int = 4096
    ) {
        self.roots = roots
        self.codeDirectory = codeDirectory
        self.fileSystems = fileSystems
        self.runDirectory = runDirectory
        self.accepted = accepted
        self.endpointPort = endpointPort
        self.userBase = userBase
        self.maximumSandboxes = maximumSandboxes
    }
}

extension LauncherConfiguration {
    /// "APUS" and the version of this protocol: a launcher of another build refuses.
    private static let magic: UInt64 = 0x5355_5041_0000_0001
    /// No configuration is larger, bytes.
    package static let maximumSize = 16 << 20

    package func encoded() -> [UInt8] {
        var writer = PacketWriter()
        writer.put(Self.magic)
        writer.put(UInt32(roots.count))
        for root in roots {
            writer.put(root.name)
            writer.put(UInt32(root.binds.count))
            for bind in root.binds {
                writer.put(bind.source)
                writer.put(bind.target)
            }
            writer.put(UInt32(root.files.count))
            for file in root.files {
                writer.put(file.path)
                writer.put(bytes: file.contents)
            }
            writer.put(UInt32(root.symlinks.count))
            for link in root.symlinks {
                writer.put(link.path)
                writer.put(link.target)
            }
            writer.put(root.directories)
        }
        writer.put(codeDirectory)
        writer.put(UInt32(fileSystems.count))
        for fileSystem in fileSystems {
            writer.put(fileSystem.name)
            writer.put(fileSystem.path)
        }
        writer.put(runDirectory)
        writer.put(accepted.map(\.rawValue))
        writer.put(endpointPort)
        writer.put(userBase)
        writer.put(UInt32(maximumSandboxes))
        return writer.bytes
    }

    /// - Throws: for anything that ``encoded()`` would not have written, and for paths that are not plain absolute
    /// ones.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(PacketError) {
        var reader = PacketReader(bytes)
        guard try reader.number(UInt64.self, "version") == Self.magic else { throw PacketError("version") }
        let roots = try reader.list("roots", maximum: 256) { (reader) throws(PacketError) in
            try Self.root(&reader)
        }
        guard Set(roots.map(\.name)).count == roots.count else { throw PacketError("roots") }
        let codeDirectory = try Self.path(&reader, "code directory")
        let fileSystems = try reader.list("file systems", maximum: 1024) { (reader) throws(PacketError) in
            FileSystemDirectory(
                name: try reader.text("file system name"), path: try Self.path(&reader, "file system path"))
        }
        guard Set(fileSystems.map(\.name)).count == fileSystems.count else { throw PacketError("file systems") }
        let runDirectory = try Self.path(&reader, "run directory")
        let accepted = try reader.list("accepted", maximum: 64) { (reader) throws(PacketError) -> Weakness in
            guard let weakness = Weakness(rawValue: try reader.text("accepted")) else { throw PacketError("accepted") }
            return weakness
        }
        let endpointPort = try reader.number(UInt16.self, "endpoint port")
        let userBase = try reader.number(UInt32.self, "user base")
        let maximumSandboxes = Int(try reader.number(UInt32.self, "maximum"))
        try reader.finish()
        // Root's and people's own ids are never a sandbox's; -1 means "unchanged" to the kernel.
        guard (1...32_000).contains(maximumSandboxes), userBase >= 65_536,
            userBase < UInt32(Int32.max) - UInt32(maximumSandboxes)
        else { throw PacketError("user base") }
        self.init(
            roots: roots, codeDirectory: codeDirectory, fileSystems: fileSystems, runDirectory: runDirectory,
            accepted: accepted, endpointPort: endpointPort, userBase: userBase, maximumSandboxes: maximumSandboxes)
    }

    private static func root(_ reader: inout PacketReader) throws(PacketError) -> RootTemplate {
        RootTemplate(
            name: try reader.text("root name"),
            binds: try reader.list("binds", maximum: 4096) { (reader) throws(PacketError) in
                RootTemplate.Bind(
                    source: try path(&reader, "bind source"), target: try path(&reader, "bind target"))
            },
            files: try reader.list("files", maximum: 4096) { (reader) throws(PacketError) in
                RootTemplate.File(path: try path(&reader, "file"), contents: try reader.data("file"))
            },
            symlinks: try reader.list("links", maximum: 4096) { (reader) throws(PacketError) in
                RootTemplate.Symlink(path: try path(&reader, "link"), target: try reader.text("link"))
            },
            directories: try reader.list("directories", maximum: 4096) { (reader) throws(PacketError) in
                try path(&reader, "directory")
            })
    }

    private static func path(_ reader: inout PacketReader, _ field: String) throws(PacketError) -> String {
        let path = try reader.text(field)
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count < 4096,
            !path.split(separator: "/").contains(where: { $0 == ".." || $0 == "." })
        else { throw PacketError(field) }
        return path
    }
}
