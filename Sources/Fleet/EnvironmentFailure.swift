import NIOCore
import RuntimeAPI
import Sandbox

/// What ended an environment in the middle of its work, and the document that the caller gets for it.
enum EnvironmentFailure {
    /// The time limit passed.
    case timedOut(limit: Duration)
    /// The runtime reported that it could not initialise, with this document.
    case reported(ByteBuffer, type: RuntimeErrorType)
    /// The runtime's process ended.
    case exited(SandboxExit)
    /// The command could not be executed.
    case invalidEntrypoint(String)
    /// An image's command has no directory to start in.
    case invalidWorkingDirectory(String)
    /// An extension could not be started, has reported an error, or its process ended. `type` is one of Lambda's, such
    /// as `Extension.Crash`.
    case `extension`(type: String, reason: String)

    /// As `Status:` has it.
    var status: String {
        switch self {
        case .timedOut: "timeout"
        case .reported, .exited, .invalidEntrypoint, .invalidWorkingDirectory, .extension: "error"
        }
    }

    /// As `Error Type:` has it.
    var type: String? {
        switch self {
        case .timedOut: nil
        case .reported(_, let type): type.name
        case .exited(let exit): exit.outOfMemory && exit.isKilled ? "Runtime.OutOfMemory" : "Runtime.ExitError"
        case .invalidEntrypoint: "Runtime.InvalidEntrypoint"
        case .invalidWorkingDirectory: "Runtime.InvalidWorkingDir"
        case .extension(let type, _): type
        }
    }

    /// The error document, `errorType` before `errorMessage` as Lambda has them.
    func document(requestID: String) -> ByteBuffer {
        switch self {
        case .timedOut(let limit):
            ErrorDocument.make(
                type: "Sandbox.Timedout",
                message: "RequestId: \(requestID) Error: Task timed out after \(PlatformLines.seconds(limit)) seconds")
        case .reported(let document, _): document
        case .exited(let exit):
            ErrorDocument.make(type: type ?? "", message: "RequestId: \(requestID) Error: \(exit.explanation)")
        case .invalidEntrypoint(let reason), .invalidWorkingDirectory(let reason), .extension(_, let reason):
            ErrorDocument.make(type: type ?? "", message: "RequestId: \(requestID) Error: \(reason)")
        }
    }

    /// What the log says of it between START and END; nil where the runtime has said it itself.
    func logLine(requestID: String, wallClock: Int64) -> String? {
        switch self {
        case .timedOut(let limit): PlatformLines.timedOut(requestID: requestID, limit: limit, at: wallClock)
        case .reported: nil
        case .exited(let exit): "RequestId: \(requestID) Error: \(exit.explanation)\n\(type ?? "")"
        case .invalidEntrypoint(let reason), .invalidWorkingDirectory(let reason), .extension(_, let reason):
            "RequestId: \(requestID) Error: \(reason)\n\(type ?? "")"
        }
    }

    /// What a sandbox that did not start says about an image, or else about the function's `command`; nil when this
    /// host is to blame.
    ///
    /// - Parameter image: Where the image's command was to start; nil without an image.
    init?(_ error: SandboxError, command: String, image directory: String?) {
        if let directory, let failure = Self(error, command: command, directory: directory) {
            self = failure
            return
        }
        guard error.operation == "execve" else { return nil }
        switch error.errno {
        case 2: self = .invalidEntrypoint("Couldn't find valid bootstrap(s): [\(command) /opt/bootstrap]")
        case 8, 13, 20, 21, 40: self = .invalidEntrypoint(Self.executionText(command, error.errno))
        default: return nil
        }
    }

    /// In the words of Lambda's runtime interface emulator.
    private init?(_ error: SandboxError, command: String, directory: String) {
        switch (error.operation, error.errno) {
        case ("execve", 2) where !command.contains("/"):
            self = .invalidEntrypoint("exec: \"\(command)\": executable file not found in $PATH")
        case ("execve", 2): self = .invalidEntrypoint(Self.executionText(command, 2))
        case (SandboxError.unspeakable, _) where error.subject == "working directory":
            self = .invalidWorkingDirectory(
                "the working directory '\(directory)' is invalid, it needs to be an absolute path")
        case (SandboxError.unspeakable, _):
            self = .invalidEntrypoint("the image's \(error.subject) cannot be used")
        case ("ask launcher", 7): self = .invalidEntrypoint("argument list too long")
        case ("chdir", 2): self = .invalidWorkingDirectory("the working directory doesn't exist: \(directory)")
        case ("chdir", let code): self = .invalidWorkingDirectory("chdir \(directory): \(Self.reason(code))")
        default: return nil
        }
    }

    /// Why a program was not executed, in the words of Go.
    static func executionText(_ path: String, _ errno: Int32) -> String {
        "fork/exec \(path): \(reason(errno))"
    }

    private static func reason(_ errno: Int32) -> String {
        switch errno {
        case 2: "no such file or directory"
        case 8: "exec format error"
        case 13: "permission denied"
        case 20: "not a directory"
        case 21: "is a directory"
        case 40: "too many levels of symbolic links"
        default: "errno \(errno)"
        }
    }
}

extension SandboxExit {
    var isKilled: Bool { cause == .signalled(number: 9) }

    /// In the words of Lambda, which are those of Go's `os` package.
    var explanation: String {
        switch cause {
        case .exited(status: 0), .lost: "Runtime exited without providing a reason"
        case .exited, .signalled: "Runtime exited with error: \(goText)"
        }
    }

    /// Without the subject.
    var goText: String {
        switch cause {
        case .exited(status: 0), .lost: "exit code 0"
        case .exited(let status): "exit status \(status)"
        case .signalled(let number): "signal: \(Self.signalName(number))"
        }
    }

    private static func signalName(_ number: Int) -> String {
        switch number {
        case 1: "hangup"
        case 2: "interrupt"
        case 3: "quit"
        case 4: "illegal instruction"
        case 5: "trace/breakpoint trap"
        case 6: "aborted"
        case 7: "bus error"
        case 8: "floating point exception"
        case 9: "killed"
        case 10: "user defined signal 1"
        case 11: "segmentation fault"
        case 12: "user defined signal 2"
        case 13: "broken pipe"
        case 14: "alarm clock"
        case 15: "terminated"
        case 31: "bad system call"
        default: "signal \(number)"
        }
    }
}

/// The error documents that the fleet makes itself.
enum ErrorDocument {
    static func make(type: String, message: String) -> ByteBuffer {
        var document = ByteBuffer()
        document.writeStaticString(#"{"errorType":"#)
        document.writeJSONString(type)
        document.writeStaticString(#","errorMessage":"#)
        document.writeJSONString(message)
        document.writeStaticString("}")
        return document
    }

    /// How a response in parts went wrong. What the caller has of it by then it keeps.
    static func make(_ end: StreamEnd) -> ByteBuffer {
        switch end {
        case .complete: ByteBuffer()
        case .error(let document, let type) where document.readableBytes == 0: make(type: type.name, message: "")
        case .error(let document, _): document
        case .tooLarge(let limit):
            make(
                type: "Function.ResponseSizeTooLarge",
                message: "Response payload size exceeded maximum allowed payload size (\(limit) bytes).")
        case .truncated:
            make(type: "Runtime.TruncatedResponse", message: "The runtime ended its response before it was complete.")
        }
    }

    /// Past 6 MiB and 100 bytes. The number that Lambda names is its limit with 100 bytes of its own.
    static let responseTooLarge = {
        var document = ByteBuffer()
        document.writeStaticString(
            #"{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","#)
        document.writeStaticString(#""errorType":"Function.ResponseSizeTooLarge"}"#)
        return document
    }()
}

extension ByteBuffer {
    fileprivate mutating func writeJSONString(_ string: String) {
        writeInteger(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): writeBytes([UInt8(ascii: "\\"), byte])
            case 0..<0x20:
                let hex = String(byte, radix: 16)
                writeString("\\u00\(byte < 16 ? "0" : "")\(hex)")
            default: writeInteger(byte)
            }
        }
        writeInteger(UInt8(ascii: "\""))
    }
}
