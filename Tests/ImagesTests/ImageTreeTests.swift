import Archive
import Glibc
import Testing
import TestSupport

@testable import Images

@Suite struct ImageTreeTests {
    private let directory = TemporaryDirectory()

    @Test func countsFilesOnceAndStopsAtLimits() throws {
        directory.write("tree/a/file", String(repeating: "x", count: 1000))
        link(directory.file("tree/a/file"), directory.file("tree/a/same"))
        let tree = ImageTree(path: directory.file("tree"))
        try tree.check(ImageTree.Limits(bytes: 1000))
        #expect(throws: ImageError.tooLarge(limit: 999)) { try tree.check(ImageTree.Limits(bytes: 999)) }
        #expect(throws: ImageError.tooManyFiles(limit: 2)) {
            try tree.check(ImageTree.Limits(bytes: 1000, entries: 2))
        }
    }

    @Test func whatMayNotBeWrittenToCanBeRemoved() throws {
        directory.write("tree/closed/inner/file", "x")
        chmod(directory.file("tree/closed/inner"), 0)
        chmod(directory.file("tree/closed"), 0o555)
        try ImageTree(path: directory.file("tree")).open()
        var status = stat()
        #expect(stat(directory.file("tree/closed/inner"), &status) == 0 && status.st_mode & 0o777 == 0o700)
        #expect(stat(directory.file("tree/closed"), &status) == 0 && status.st_mode & 0o777 == 0o755)
        chmod(directory.file("tree/closed"), 0o555)
        try ZipExtractor.remove(directory.file("tree"))
        #expect(access(directory.file("tree"), F_OK) != 0)
    }
}

@Suite struct HostToolTests {
    private let directory = TemporaryDirectory()

    @Test func runsInItsDirectoryWithoutOurVariables() throws {
        let outcome = try HostTool("sh").run(
            ["-c", "pwd; echo $HOME; echo no >&2; exit 3"], in: directory.path, outputLimit: 4096, time: .seconds(60),
            Cancellation())
        #expect(outcome.status == 3 && outcome.errors == "no\n")
        #expect(String(decoding: outcome.output, as: UTF8.self) == "\(directory.path)\n\(directory.path)\n")
    }

    @Test func endsWithItsTimeItsOutputItsCheckAndItsCaller() throws {
        let tool = try HostTool("sh")
        func run(
            _ script: String, time: Duration = .seconds(60), _ cancellation: Cancellation = Cancellation(),
            check: () throws(ImageError) -> Void = {}
        ) throws(ImageError) {
            _ = try tool.run(
                ["-c", script], in: directory.path, outputLimit: 10, time: time, cancellation, check: check)
        }
        #expect(throws: ImageError.self) { try run("exec sleep 600", time: .milliseconds(1)) }
        #expect(throws: ImageError.invalid(reason: "sh answers too much")) { try run("exec yes") }
        #expect(throws: ImageError.tooLarge(limit: 1)) {
            try run("exec sleep 600") { () throws(ImageError) in throw .tooLarge(limit: 1) }
        }
        let cancelled = Cancellation()
        cancelled.cancel()
        #expect(throws: ImageError.cancelled) { try run("exec sleep 600", cancelled) }
        #expect(throws: ImageError.missing(program: "no-such-program")) { try HostTool("no-such-program") }
    }
}
