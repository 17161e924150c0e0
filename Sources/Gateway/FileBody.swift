#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import NIOCore
import NIOPosix

/// A file that is read in pieces off the event loop.
final class FileBody: Sendable {
    struct Failure: Error {
        var errno: Int32
        var operation: String
    }

    let size: Int
    private let descriptor: CInt

    private init(descriptor: CInt, size: Int) {
        self.descriptor = descriptor
        self.size = size
    }

    /// Opens a regular file. Whoever gets it has to ``close()`` it, once.
    static func open(path: String, pool: NIOThreadPool, on eventLoop: any EventLoop) -> EventLoopFuture<FileBody> {
        pool.runIfActive(eventLoop: eventLoop) {
            #if canImport(Glibc)
                let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
            #else
                let descriptor = Musl.open(path, O_RDONLY | O_CLOEXEC)
            #endif
            guard descriptor >= 0 else { throw Failure(errno: errno, operation: "open") }
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                let code = errno
                shutDown(descriptor)
                throw Failure(errno: code, operation: "fstat")
            }
            return FileBody(descriptor: descriptor, size: Int(status.st_size))
        }
    }

    /// Reads exactly `length` bytes; fails when the file has become shorter.
    func read(at offset: Int, length: Int, pool: NIOThreadPool, on eventLoop: any EventLoop)
        -> EventLoopFuture<ByteBuffer>
    {
        let descriptor = descriptor
        return pool.runIfActive(eventLoop: eventLoop) {
            var buffer = ByteBufferAllocator().buffer(capacity: length)
            while buffer.readableBytes < length {
                let position = off_t(offset + buffer.readableBytes)
                let wanted = length - buffer.readableBytes
                let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { bytes in
                    max(0, pread(descriptor, bytes.baseAddress, min(wanted, bytes.count), position))
                }
                guard count > 0 else { throw Failure(errno: errno, operation: "pread") }
            }
            return buffer
        }
    }

    func close() {
        shutDown(descriptor)
    }
}

private func shutDown(_ descriptor: CInt) {
    _ = close(descriptor)
}
