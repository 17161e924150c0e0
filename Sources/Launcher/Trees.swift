import CLinux
import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// Directories below the code directory, as sandboxes see them.
enum Trees {
    /// A detached, protected mount of a directory below the code directory. By descriptor, so that the directories
    /// above it do not matter.
    static func open(_ name: String, _ what: String, in host: LauncherHost) throws(SystemCallError) -> Descriptor {
        let directory = Descriptor(
            owning: try checkedDirect(
                "open \(what)", name, apus_open_beneath(host.codeDirectory, name, apus_o_path | O_DIRECTORY)))
        let mount = Descriptor(
            owning: try checkedDirect("open_tree \(what)", name, apus_clone_mount(directory.number, "", 0)))
        try checkedDirect("mount_setattr \(what)", name, apus_protect_mount(mount.number, APUS_PROTECT_MOUNT))
        return mount
    }

    /// The same; -1 without a name.
    static func open(_ name: String?, _ what: String, in host: LauncherHost) throws(SystemCallError) -> Descriptor {
        guard let name else { return Descriptor(owning: -1) }
        return try open(name, what, in: host)
    }

    /// A detached root made of an image's tree, which others use as well, and the skeleton's mount points over it. What
    /// the image has in place of one, a link for instance, is covered.
    static func openImage(_ name: String, in host: LauncherHost) throws(SystemCallError) -> Descriptor {
        let tree = Descriptor(
            owning: try checkedDirect(
                "open image", name, apus_open_beneath(host.codeDirectory, name, apus_o_path | O_DIRECTORY)))
        let layers = "/proc/self/fd/\(host.imageSkeletonDirectory):/proc/self/fd/\(tree.number)"
        return Descriptor(owning: try checkedDirect("mount overlay", name, apus_overlay_mount(layers)))
    }
}
