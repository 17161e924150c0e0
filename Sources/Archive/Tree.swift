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

    /// `PATH_MAX` counts the NUL: the kernel makes no link with a longer target.
    private static let longestTarget = 4_095
    /// How many components all links together may make the kernel walk, each on its own; real trees have a few for each
    /// link. Links to links multiply what a small zip can ask for.
    private static let stepLimit = 1_000_000

    /// The directories that entries only imply are among them.
    private(set) var nodes: [TreePath: Node] = [:]

    /// Takes an entry in.
    ///
    /// - Throws: `.refused` with `.duplicate`, `.belowFile` or `.linkTooLong`.
    mutating func insert(_ node: Node, at path: TreePath) throws(ArchiveError) {
        if case .link(let target) = node, target.count > Self.longestTarget {
            throw .refused(name: path.text, .linkTooLong)
        }
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
    ///
    /// - Throws: `.refused` with `.linkLeavesRoot` or `.tooManySteps`.
    func checkLinks() throws(ArchiveError) {
        var steps = 0
        for (path, node) in nodes {
            guard case .link(let target) = node else { continue }
            let staysInside = staysInside(target, from: path.parent, &steps)
            if steps > Self.stepLimit { throw .refused(name: path.text, .tooManySteps) }
            if !staysInside { throw .refused(name: path.text, .linkLeavesRoot) }
        }
    }

    /// - Parameter steps: Counts; past the limit the answer means nothing.
    private func staysInside(_ target: [UInt8], from directory: TreePath, _ steps: inout Int) -> Bool {
        var position = directory
        /// How many levels below `position` the walk is where nothing is: that cannot be followed, and its text alone
        /// says where it would be.
        var missing = 0
        // What is left to walk, the next component last.
        guard var rest = Self.components(ofLink: target) else { return false }
        steps += rest.count
        var links = 0
        while let component = rest.popLast() {
            switch (component == [0x2e, 0x2e], missing) {
            case (true, 0):
                guard position != .root else { return false }
                position = position.parent
            case (true, _): missing -= 1
            case (false, 1...): missing += 1
            case (false, _):
                let next = position.appending(component)
                guard case .link(let further)? = nodes[next] else {
                    if nodes[next] == nil { missing = 1 } else { position = next }
                    continue
                }
                links += 1
                // The kernel gives up after 40 links (path_resolution(7)): such a link leads nowhere.
                if links > 40 { return true }
                guard let inner = Self.components(ofLink: further) else { return false }
                steps += inner.count
                if steps > Self.stepLimit { return false }
                rest += inner
            }
        }
        return true
    }

    /// The steps of a link's target in reverse; nil when it is absolute, empty or holds a NUL.
    private static func components(ofLink target: [UInt8]) -> [[UInt8]]? {
        guard let first = target.first, first != 0x2f, !target.contains(0) else { return nil }
        return target.split(separator: 0x2f).map(Array.init).filter { $0 != [0x2e] }.reversed()
    }
}
