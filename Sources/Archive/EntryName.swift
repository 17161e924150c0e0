/// Turns the name of a zip's entry into a path below the root, or refuses it.
struct EntryName {
    /// Limits of names, chosen so that every path fits in `PATH_MAX` below any mount point.
    static let maximumBytes = 2_048
    static let maximumComponentBytes = 255
    static let maximumComponents = 128

    /// - Returns: ``TreePath/root`` for `./`, which some tools add.
    /// - Throws: `.refused`.
    static func path(_ name: [UInt8]) throws(ArchiveError) -> TreePath {
        func refuse(_ refusal: ArchiveError.Refusal) -> ArchiveError {
            .refused(name: String(decoding: name.prefix(maximumBytes), as: UTF8.self), refusal)
        }
        guard let first = name.first else { throw refuse(.emptyName) }
        if name.contains(0) { throw refuse(.nulInName) }
        if name.contains(0x5c) { throw refuse(.backslashInName) }
        if first == 0x2f || isDrive(name) { throw refuse(.absoluteName) }
        if name.count > maximumBytes { throw refuse(.nameTooLong) }
        let components = name.split(separator: 0x2f).map(Array.init).filter { $0 != [0x2e] }
        if components.contains(Array("..".utf8)) { throw refuse(.parentInName) }
        if components.contains(where: { $0.count > maximumComponentBytes }) { throw refuse(.nameTooLong) }
        if components.count > maximumComponents { throw refuse(.tooDeep) }
        return TreePath(components: components)
    }

    /// `C:/…`
    private static func isDrive(_ name: [UInt8]) -> Bool {
        name.count > 2 && name[1] == 0x3a && name[2] == 0x2f
    }
}
