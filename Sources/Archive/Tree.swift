/// A name in a tree, as the bytes of its components: file systems compare bytes, not characters.
struct TreePath: Hashable {
    var components: [[UInt8]]

    static let root = TreePath(components: [])

    var parent: TreePath { TreePath(components: components.dropLast()) }

    func appending(_ component: [UInt8]) -> TreePath { TreePath(components: components + [component]) }

    /// The components with slashes between them.
    var bytes: [UInt8] { Array(components.joined(separator: [0x2f])) }

    /// For messages; bytes that are no UTF-8 are shown as replacement characters.
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// What a directory tree will be once all entries are there: finds clashes between names, and links that lead out.
struct Tree {
    enum Node: Hashable {
        /// `isExplicit` when it has an entry of its own, not only entries below it.
        case directory(isExplicit: Bool)
        case file
        case link(target: [UInt8])
    }

    private(set) var nodes: [TreePath: Node] = [:]

    /// Takes an entry in.
    ///
    /// - Throws: `.refused` with `.duplicate` or `.belowFile`.
    mutating func insert(_ node: Node, at path: TreePath) throws(ArchiveError) {
        var ancestor = path.parent
        while ancestor != .root, nodes[ancestor] == nil {
            nodes[ancestor] = .directory(isExplicit: false)
            ancestor = ancestor.parent
        }
        if ancestor != .root, case .file? = nodes[ancestor] { throw .refused(name: path.text, .belowFile) }
        if ancestor != .root, case .link? = nodes[ancestor] { throw .refused(name: path.text, .belowFile) }
        switch (nodes[path], node) {
        case (nil, _), (.directory(isExplicit: false), .directory): nodes[path] = node
        default: throw .refused(name: path.text, .duplicate)
        }
    }

    /// Checks, as the kernel would walk it, that no link's target is above the root.
    ///
    /// The walk minds links on the way: `a/up → ..` makes `a/up/..` the parent of the root, although its text stays
    /// inside.
    func checkLinks() throws(ArchiveError) {
        for (path, node) in nodes {
            guard case .link(let target) = node else { continue }
            guard staysInside(target, from: path.parent) else { throw .refused(name: path.text, .linkLeavesRoot) }
        }
    }

    private func staysInside(_ target: [UInt8], from directory: TreePath) -> Bool {
        var position = directory
        // What is left to walk, the next component last.
        guard var rest = Self.components(ofLink: target) else { return false }
        var links = 0
        while let component = rest.popLast() {
            if component == Array("..".utf8) {
                guard position != .root else { return false }
                position = position.parent
                continue
            }
            let next = position.appending(component)
            guard case .link(let further)? = nodes[next] else {
                // What is not there cannot be followed; its text alone says where it would be.
                position = next
                continue
            }
            links += 1
            // The kernel gives up after 40 links (path_resolution(7)): such a link leads nowhere.
            if links > 40 { return true }
            guard let steps = Self.components(ofLink: further) else { return false }
            rest += steps
        }
        return true
    }

    /// The steps of a link's target in reverse; nil when it is absolute, empty or holds a NUL.
    private static func components(ofLink target: [UInt8]) -> [[UInt8]]? {
        guard let first = target.first, first != 0x2f, !target.contains(0) else { return nil }
        return target.split(separator: 0x2f).map(Array.init).filter { $0 != [0x2e] }.reversed()
    }
}
