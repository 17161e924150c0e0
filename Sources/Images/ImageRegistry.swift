/// One image in a registry, seen through skopeo. Its arguments are made of a reference's parts, whose grammar leaves no
/// room for options or other transports; plain HTTP is tried with registries of this machine only.
struct ImageRegistry: Sendable {
    let reference: ImageReference
    let skopeo: HostTool
    let credentials: String?

    /// What the reference stands for now.
    func resolve(in scratch: String, time: Duration, _ cancellation: Cancellation) throws(ImageError) -> ResolvedImage {
        let manifest = try ask(inspection(of: source(reference.digest)), in: scratch, time, cancellation)
        let digest = ImageDocuments.digest(manifest)
        if let wanted = reference.digest, wanted != digest { throw .invalid(reason: "the registry sent another image") }
        _ = try ImageDocuments.Manifest(checking: manifest)
        let configuration = try ask(
            inspection(of: source(digest), what: ["--config"]), in: scratch, time, cancellation)
        return try ResolvedImage(digest: digest, configuration: configuration)
    }

    /// Fetches the image with this manifest to `layout` in `scratch`, where it is called `image`.
    func copy(
        _ digest: String, in scratch: String, limits: ImageTree.Limits, time: Duration, _ cancellation: Cancellation
    ) throws(ImageError) {
        var watch = Watch(ImageTree(path: scratch), limits)
        let outcome = try skopeo.run(
            copying(digest), in: scratch, outputLimit: 1 << 20, time: time, cancellation
        ) { () throws(ImageError) in try watch.look() }
        guard outcome.status == 0 else { throw error(outcome.errors) }
    }

    private func ask(
        _ arguments: [String], in scratch: String, _ time: Duration, _ cancellation: Cancellation
    ) throws(ImageError) -> [UInt8] {
        let outcome = try skopeo.run(
            arguments, in: scratch, outputLimit: ImageDocuments.limit, time: time, cancellation)
        guard outcome.status == 0 else { throw error(outcome.errors) }
        return outcome.output
    }

    // MARK: Arguments

    /// - Parameter digest: Nil for the tag.
    func source(_ digest: String?) -> String {
        let name = digest.map { "@sha256:" + $0 } ?? ":" + (reference.tag ?? "latest")
        return "docker://\(reference.registry)/\(reference.repository)\(name)"
    }

    func inspection(of source: String, what: [String] = []) -> [String] {
        ["inspect", "--raw"] + what + transport("--authfile", "--tls-verify") + [source]
    }

    func copying(_ digest: String) -> [String] {
        ["copy", "--quiet"] + transport("--src-authfile", "--src-tls-verify") + [source(digest), "oci:layout:image"]
    }

    private func transport(_ authfile: String, _ verify: String) -> [String] {
        (credentials.map { ["\(authfile)=\($0)"] } ?? []) + (reference.isLoopback ? ["\(verify)=false"] : [])
    }

    /// What skopeo's complaint means. It has no other codes than its words, which are those of the registry's errors:
    /// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
    func error(_ text: String) -> ImageError {
        let text = text.lowercased()
        // The name is repeated before what is said of it.
        let complaint = text.ranges(of: reference.repository).last.map { text[$0.upperBound...] } ?? text[...]
        if ["unauthorized", "denied", "authentication required", "forbidden"].contains(where: complaint.contains) {
            return .denied
        }
        if ["manifest unknown", "name unknown", "not found"].contains(where: complaint.contains) { return .notFound }
        return .unavailable(reason: String(text.suffix(400)))
    }
}
