/// Why an image cannot be had.
package enum ImageError: Error, Sendable, Hashable {
    /// There is no such image, in no layout and in no registry that may be asked.
    case notFound
    /// The registry does not give it to this server.
    case denied
    /// A manifest, configuration or layer of a kind that is not run: an index of several platforms, for one.
    case unsupportedMediaType
    /// The image is damaged, or cannot be unpacked.
    case invalid(reason: String)
    /// More than `limit` bytes, unpacked.
    case tooLarge(limit: Int)
    /// More than `limit` files.
    case tooManyFiles(limit: Int)
    /// A program that this needs is not installed.
    case missing(program: String)
    /// This host or the registry does not work as it should.
    case unavailable(reason: String)
    /// Nobody waits for it any more.
    case cancelled
}
