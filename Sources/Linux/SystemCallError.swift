#if canImport(Glibc)
    import Glibc
#endif

/// A system call that failed.
package struct SystemCallError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call, and what it was for where the call alone does not say: `mkdirat`, `write memory.max`.
    package var operation: String
    /// The path, name or id it was about; empty where there is none.
    package var subject: String
    package var errno: Int32

    package init(_ operation: String, _ subject: String = "", errno: Int32) {
        self.operation = operation
        self.subject = subject
        self.errno = errno
    }

    package var description: String {
        let about = subject.isEmpty ? operation : "\(operation) \(subject)"
        return "\(about): \(SystemCallError.text(errno))"
    }

    /// The C library's words for an error number.
    package static func text(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        return buffer.withUnsafeMutableBufferPointer { space in
            guard let start = space.baseAddress, strerror_r(number, start, space.count) == 0 else {
                return "error \(number)"
            }
            return String(cString: start)
        }
    }
}

/// The result of a call that answers -1 and sets errno, or its error. Repeats after EINTR.
@discardableResult
package func checked<Number: FixedWidthInteger & SignedInteger>(
    _ operation: String, _ subject: @autoclosure () -> String = "", _ call: () -> Number
) throws(SystemCallError) -> Number {
    while true {
        let result = call()
        if result >= 0 { return result }
        let number = errno
        if number != EINTR { throw SystemCallError(operation, subject(), errno: number) }
    }
}

/// The result of one of our C functions, which answer `-errno`, or its error.
@discardableResult
package func checkedDirect(
    _ operation: String, _ subject: @autoclosure () -> String = "", _ result: Int32
) throws(SystemCallError) -> Int32 {
    if result < 0 { throw SystemCallError(operation, subject(), errno: -result) }
    return result
}
