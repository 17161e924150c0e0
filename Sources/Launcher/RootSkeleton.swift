import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// Builds, once for each template, the root that its sandboxes share: a tmpfs with directories, files and links, the
/// template's binds, and the device files, all of it read-only, in the launcher's own mount namespace. Every sandbox
/// starts with a copy of that namespace, and puts its own mounts on the skeleton's empty directories.
struct RootSkeleton {
    /// The skeleton's path in the launcher's mount namespace.
    let path: String

    /// What every root has. `/mnt` is the empty directory that hides parts of `/proc`. `/var/task/lib` is for programs
    /// that start before the code is there (`apus_start.binding`).
    private static let directories = [
        "/tmp", "/proc", "/dev", "/dev/shm", "/etc", "/mnt", "/opt", "/root", "/run", "/var/task/lib", "/var/tmp",
    ]
    /// What images get beside their own: mount points, and where names are resolved.
    private static let imageDirectories = ["/tmp", "/proc", "/dev", "/dev/shm", "/etc", "/mnt"]
    private static let imageFiles = ["/etc/hosts", "/etc/resolv.conf"]
    private static let devices = ["null", "zero", "full", "random", "urandom"]
    private static let deviceLinks = [
        ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"), ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ]

    /// - Parameters:
    ///   - path: where to build it; made by this.
    ///   - nameserver: where sandboxes resolve names, if anywhere.
    init(_ template: RootTemplate, at path: String, nameserver: String?) throws(SystemCallError) {
        var files = Self.defaultFiles(nameserver: nameserver)
        for file in template.files { files[file.path] = file.contents }
        try self.init(template, directories: Self.directories + template.directories, files: files, at: path)
    }

    /// What lies over the roots of images, whose devices are mounted by themselves.
    init(overImagesAt path: String, nameserver: String?) throws(SystemCallError) {
        try self.init(
            RootTemplate(name: "image", binds: []), directories: Self.imageDirectories,
            files: Self.defaultFiles(nameserver: nameserver).filter { Self.imageFiles.contains($0.key) }, at: path)
    }

    private init(
        _ template: RootTemplate, directories: [String], files: [String: [UInt8]], at path: String
    ) throws(SystemCallError) {
        self.path = path
        try checked("mkdir", path) { mkdir(path, 0o755) }
        let flags = UInt(MS_NOSUID) | UInt(MS_NODEV)
        try checkedDirect("mount tmpfs", path, apus_mount("tmpfs", path, "tmpfs", flags, "mode=0755,size=64m"))
        let root = Descriptor(
            owning: try checked("open", path) { open(path, apus_o_path | O_DIRECTORY | O_CLOEXEC) })
        let tree = SkeletonTree(root: root.number)

        // Everything is made while the tree is still ours alone: once binds are in it, a path could lead into the host.
        for directory in directories { try tree.makeDirectory(directory) }
        for (path, contents) in files { try tree.makeFile(path, contents) }
        for device in Self.devices { try tree.makeFile("/dev/" + device, []) }
        // Shorter targets first: a bind may lie inside another.
        let binds = template.binds.sorted { ($0.target.utf8.count, $0.target) < ($1.target.utf8.count, $1.target) }
        for bind in binds { try tree.makeMountPoint(bind) }
        for link in template.symlinks { try tree.makeLink(link.path, link.target) }
        for (path, target) in Self.deviceLinks { try tree.makeLink(path, target) }

        try checkedDirect(
            "remount read-only", path, apus_mount(nil, path, nil, flags | UInt(MS_REMOUNT) | UInt(MS_RDONLY), nil))
        for bind in binds { try tree.attach(bind.source, at: bind.target, APUS_PROTECT_TREE) }
        for device in Self.devices { try tree.attach("/dev/" + device, at: "/dev/" + device, APUS_PROTECT_DEVICE) }
    }

    /// Files that a template may replace: the user that AWS runs functions as, and name resolution.
    private static func defaultFiles(nameserver: String?) -> [String: [UInt8]] {
        var files = [
            "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/tmp:/bin/sh\n",
            "/etc/group": "root:x:0:\nsbx_user1051:x:990:\n",
            "/etc/hosts": "127.0.0.1 localhost localhost.localdomain sandbox sandbox.localdomain\n",
            "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        ]
        if let nameserver { files["/etc/resolv.conf"] = "nameserver \(nameserver)\noptions timeout:2 attempts:3\n" }
        return files.mapValues { Array($0.utf8) }
    }
}

/// Makes things under one directory without ever following a link.
private struct SkeletonTree {
    let root: Int32

    private static func parts(_ path: String) -> [String] { path.split(separator: "/").map(String.init) }

    private func openTarget(_ path: String, _ flags: Int32) throws(SystemCallError) -> Int32 {
        let relative = Self.parts(path).joined(separator: "/")
        return try checkedDirect(
            "openat2", path, apus_open_beneath(root, relative.isEmpty ? "." : relative, flags))
    }

    func makeDirectory(_ path: String) throws(SystemCallError) {
        var current = Descriptor(owning: try openTarget("/", apus_o_path | O_DIRECTORY))
        for part in Self.parts(path) {
            if mkdirat(current.number, part, 0o755) < 0, errno != EEXIST {
                throw SystemCallError("mkdirat", path, errno: errno)
            }
            current = Descriptor(
                owning: try checkedDirect(
                    "openat2", path, apus_open_beneath(current.number, part, apus_o_path | O_DIRECTORY)))
        }
    }

    /// The opened parent of a path, which is made if need be, and the last component.
    private func parent(of path: String) throws(SystemCallError) -> (directory: Int32, name: String) {
        let parts = Self.parts(path)
        guard let name = parts.last else { throw SystemCallError("open", path, errno: EISDIR) }
        let directory = parts.dropLast().joined(separator: "/")
        try makeDirectory(directory)
        return (try openTarget(directory, apus_o_path | O_DIRECTORY), name)
    }

    func makeFile(_ path: String, _ contents: [UInt8]) throws(SystemCallError) {
        let (directory, name) = try parent(of: path)
        defer { close(directory) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC
        let file = Descriptor(owning: try checked("openat", path) { openat(directory, name, flags, 0o644) })
        var offset = 0
        while offset < contents.count {
            offset += try checked("write", path) {
                write(file.number, Array(contents[offset...]), contents.count - offset)
            }
        }
    }

    func makeLink(_ path: String, _ target: String) throws(SystemCallError) {
        let (directory, name) = try parent(of: path)
        defer { close(directory) }
        try checked("symlinkat", path) { symlinkat(target, directory, name) }
    }

    func makeMountPoint(_ bind: RootTemplate.Bind) throws(SystemCallError) {
        var information = stat()
        try checked("stat", bind.source) { stat(bind.source, &information) }
        if information.st_mode & S_IFMT == S_IFDIR {
            try makeDirectory(bind.target)
        } else {
            try makeFile(bind.target, [])
        }
    }

    func attach(
        _ source: String, at target: String, _ protection: apus_protection
    ) throws(SystemCallError) {
        let recursive: Int32 = protection == APUS_PROTECT_TREE ? 1 : 0
        let mount = Descriptor(
            owning: try checkedDirect("open_tree", source, apus_clone_mount(AT_FDCWD, source, recursive)))
        try checkedDirect("mount_setattr", source, apus_protect_mount(mount.number, protection))
        let place = Descriptor(owning: try openTarget(target, apus_o_path))
        try checkedDirect("move_mount", target, apus_attach_mount(mount.number, place.number))
    }
}
