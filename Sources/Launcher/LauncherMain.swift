import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// The launcher's program: the server's socket is descriptor 3, its first packet the sealed configuration.
package enum LauncherMain {
    private static let socket: Int32 = 3

    /// Serves until the server is gone.
    package static func run() -> Never {
        // The server's death by any cause is this one's, and with it every sandbox's.
        _ = apus_set_parent_death_signal(SIGKILL)
        do throws(SystemCallError) {
            let configuration = try receiveConfiguration()
            do throws(SystemCallError) {
                let host = try LauncherHost(configuration)
                try Launcher(host: host, socket: socket).run()
            } catch {
                let report = LauncherReport.unable(
                    SandboxError(operation: error.operation, subject: error.subject, errno: error.errno))
                _ = try PacketSocket.send(report.encoded(), to: socket)
                exit(1)
            }
        } catch {
            complain("apus-launcher: \(error)\n")
            exit(1)
        }
        exit(0)
    }

    /// The configuration comes in a memory file that nobody can change any more.
    private static func receiveConfiguration() throws(SystemCallError) -> LauncherConfiguration {
        var kind = [UInt8](repeating: 0, count: 16)
        let received = try kind.withUnsafeMutableBytes { buffer in
            Result { () throws(SystemCallError) in
                try PacketSocket.receive(from: socket, into: buffer, waiting: .untilPacket)
            }
        }.get()
        guard case .packet(_, let descriptors) = received, let file = descriptors.first.map({ Descriptor(owning: $0) })
        else { throw SystemCallError("receive configuration", errno: EPROTO) }
        guard descriptors.count == 1, apus_memfd_is_sealed(file.number) == 1 else {
            throw SystemCallError("receive configuration", "not sealed", errno: EPROTO)
        }
        let size = Int(try checked("lseek", "configuration") { lseek(file.number, 0, SEEK_END) })
        guard size <= LauncherConfiguration.maximumSize else { throw SystemCallError("configuration", errno: EFBIG) }
        var bytes = [UInt8](repeating: 0, count: size)
        guard pread(file.number, &bytes, size, 0) == size else { throw SystemCallError("pread", errno: EIO) }
        do throws(PacketError) {
            return try bytes.withUnsafeBytes { bytes in
                Result { () throws(PacketError) in try LauncherConfiguration(decoding: bytes) }
            }.get()
        } catch {
            throw SystemCallError("read configuration", error.field, errno: EPROTO)
        }
    }

    private static func complain(_ text: String) {
        var text = text
        _ = text.withUTF8 { write(2, $0.baseAddress, $0.count) }
    }
}
