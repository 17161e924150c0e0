import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// A directory of the host that sandboxes may share: what stands for an access point. Opened once, when the launcher
/// starts, so that nothing that functions do to the directories above it leads anywhere else.
final class SharedDirectory {
    private let name: String
    private let directory: Descriptor

    init(_ configuration: FileSystemDirectory) throws(SystemCallError) {
        name = configuration.name
        directory = Descriptor(
            owning: try checked("open file system", configuration.path) {
                open(configuration.path, apus_o_path | O_DIRECTORY | O_CLOEXEC)
            })
    }

    /// A detached mount for one sandbox, in which it acts as the directory's owner.
    ///
    /// - Parameter user: The sandbox's user and group of the host; nil when it runs as the launcher's own, which then
    ///   has to be the owner. Nothing is ever opened to others instead.
    func mount(as user: UInt32?) throws(SystemCallError) -> Descriptor {
        let owner = try owner()
        let mount = Descriptor(
            owning: try checkedDirect("open_tree file system", name, apus_clone_mount(directory.number, "", 0)))
        guard let user else {
            guard owner.st_uid == geteuid() else { throw SystemCallError("own file system", name, errno: EPERM) }
            try checkedDirect("mount_setattr file system", name, apus_share_mount(mount.number, -1))
            return mount
        }
        // Files of root's that a function could make setuid would be a way out.
        guard owner.st_uid != 0, owner.st_gid != 0 else {
            throw SystemCallError("own file system", name, errno: EPERM)
        }
        let map = Descriptor(
            owning: try checkedDirect(
                "map users of file system", name, apus_identity_map(owner.st_uid, user, owner.st_gid, user)))
        try checkedDirect("mount_setattr file system", name, apus_share_mount(mount.number, map.number))
        return mount
    }

    /// Looked up anew, for the operator may change it; who removes the directory has removed the access point.
    private func owner() throws(SystemCallError) -> stat {
        var information = stat()
        try checked("stat file system", name) { fstat(directory.number, &information) }
        guard information.st_nlink > 0 else { throw SystemCallError("find file system", name, errno: ENOENT) }
        return information
    }
}
