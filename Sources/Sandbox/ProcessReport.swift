import CLinux

/// What the init of a sandbox with external extensions does when told to: one byte on its control socket.
package enum ProcessOrder: UInt8, Sendable, Hashable {
    /// Execute the command, once.
    case run = 1
    /// SIGTERM to the command.
    case terminate = 2
    /// SIGKILL to the command and its process group.
    case kill = 3
}

/// What the init of a sandbox with external extensions tells of its processes.
package struct ProcessReport: Sendable, Hashable {
    package enum Event: Sendable, Hashable {
        case ended(SandboxExit.Cause)
        /// It could not be executed: the step and the error's number. An end follows.
        case failed(operation: String, errno: Int32)
    }

    /// 0 is the command, 1 the first extension.
    package var process: Int
    package var event: Event

    /// How long one is, bytes.
    package static let size = MemoryLayout<apus_process_report>.size

    package init(process: Int, event: Event) {
        self.process = process
        self.event = event
    }

    /// From the bytes of one report; any bytes are one.
    package init(bytes: UnsafeRawBufferPointer) {
        func number(_ index: Int) -> Int32 {
            bytes.count >= (index + 1) * 4 ? bytes.loadUnaligned(fromByteOffset: index * 4, as: Int32.self) : 0
        }
        process = Int(number(1))
        if number(0) == 0 {
            event = .ended(SandboxExit.Cause(waitStatus: number(2)))
        } else {
            event = .failed(operation: String(cString: apus_step_name(number(0))), errno: number(2))
        }
    }
}

extension SandboxExit.Cause {
    /// From a wait status (waitpid(2)).
    package init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited(status: Int(waitStatus >> 8 & 0xff)) : .signalled(number: Int(signal))
    }
}
