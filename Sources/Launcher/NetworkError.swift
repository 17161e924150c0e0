import CLinux
package import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// Why a network, or a part of it, could not be made.
package struct NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was tried ("unshare", "nft").
    package var operation: String
    /// Why not, in one line.
    package var reason: String
    /// 0 where no system call failed.
    package var errno: Int32

    package init(operation: String, reason: String, errno: Int32 = 0) {
        self.operation = operation
        self.reason = reason
        self.errno = errno
    }

    package init(operation: String, errno: Int32) {
        self.init(operation: operation, reason: String(cString: strerror(errno)), errno: errno)
    }

    package init(_ error: NetlinkError) { self.init(operation: error.operation, errno: error.errno) }

    package var description: String { "\(operation): \(reason)" }
}

/// The value of a C function that answers -errno when it fails.
func checked(_ operation: String, _ result: Int32) throws(NetworkError) -> Int32 {
    guard result >= 0 else { throw NetworkError(operation: operation, errno: -result) }
    return result
}

/// Runs netlink requests, with the error of this module.
func netlink<Value: ~Copyable>(_ body: () throws(NetlinkError) -> Value) throws(NetworkError) -> Value {
    do { return try body() } catch { throw NetworkError(error) }
}
