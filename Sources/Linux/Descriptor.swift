#if canImport(Glibc)
    import Glibc
#endif

/// A file descriptor that is closed exactly once.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes ownership of `number`.
    package init(owning number: Int32) { self.number = number }

    /// Gives ownership away: the caller closes.
    package consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }

    deinit { close(number) }
}
