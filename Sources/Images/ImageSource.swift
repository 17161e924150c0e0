/// Where container images come from.
package protocol ImageSource: Sendable {
    /// What a reference stands for now.
    func resolve(_ reference: ImageReference) async throws(ImageError) -> ResolvedImage

    /// Unpacks the image with this manifest to a new directory at `destination`, whose parent exists. It is on disk
    /// before it appears under its name; where something has that name already it stays.
    ///
    /// - Parameter limit: Bytes that it may take, unpacked.
    func unpack(
        _ reference: ImageReference, digest: String, to destination: String, limit: Int
    ) async throws(ImageError)
}

/// The images of this host: layouts in a directory, and registries that the operator allows by name.
package struct ImageConfiguration: Sendable, Hashable {
    /// Has a layout for each repository: an absolute path.
    package var layouts: String
    /// `HOST` or `HOST:PORT` of each registry that may be asked.
    package var registries: Set<String>
    /// Where work is done: an absolute path, whose leftovers are swept with those of zip files.
    package var scratch: String
    /// A file with credentials for registries, in the form of containers-auth.json(5).
    package var credentials: String?

    package init(layouts: String, scratch: String, registries: Set<String> = [], credentials: String? = nil) {
        self.layouts = layouts
        self.scratch = scratch
        self.registries = registries
        self.credentials = credentials
    }
}
