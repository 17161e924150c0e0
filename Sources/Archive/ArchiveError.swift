/// Why a zip was refused, or could not be made.
package enum ArchiveError: Error, Sendable, Hashable {
    /// No zip, or a damaged one: unrecognised, truncated, or with contents that do not match their checksum.
    case unreadable(reason: String)
    /// A zip without any file.
    case empty
    /// The entry's contents are encrypted.
    case encrypted(name: String)
    /// The entry's name, kind or link target is one that we do not unpack.
    case refused(name: String, Refusal)
    /// More than `limit` bytes when unzipped.
    case tooLarge(limit: Int)
    /// More than `limit` entries.
    case tooManyEntries(limit: Int)
    /// Something is at the destination already.
    case exists(path: String)
    /// A system call failed.
    case file(operation: String, path: String, errno: Int32)

    /// What is wrong with an entry.
    package enum Refusal: String, Sendable, Hashable {
        case emptyName = "the name is empty"
        case absoluteName = "the name is absolute"
        case parentInName = "the name leads to a parent directory"
        case backslashInName = "the name has a backslash"
        case nulInName = "the name has a NUL"
        case ambiguousName = "the name differs between the zip's directory and the entry itself"
        case nameTooLong = "the name is too long"
        case tooDeep = "the name has too many levels"
        case duplicate = "the name is taken by an earlier entry"
        case belowFile = "a directory of the name is no directory in the zip"
        case linkLeavesRoot = "the link leads out of the directory"
        case linkTooLong = "the link's target is too long"
        case tooManySteps = "the links take too many steps to follow"
        case hardLink = "hard links are not supported"
        case specialFile = "only files, directories and symbolic links are supported"
    }
}
