import Glibc
import Testing
import TestSupport

@testable import Runtimes

@Suite struct RuntimeFilesTests {
    @Test func writesTheBootstrapsWhereTheirContentsSay() throws {
        let parent = TemporaryDirectory()
        let files = try RuntimeFiles.install(into: parent.path + "/a/b")
        #expect(files.directory.hasPrefix(parent.path + "/a/b/runtime-"))
        for (name, expected) in RuntimeFiles.embedded {
            #expect(readFile(files.directory + "/" + name) == expected)
            #expect(expected.count > 50)
        }
        #expect(try RuntimeFiles.install(into: parent.path + "/a/b") == files)
        let other = try RuntimeFiles.install([("bootstrap.py", [1])], into: parent.path)
        #expect(other.directory.split(separator: "/").last != files.directory.split(separator: "/").last)
    }

    @Test func mendsWhatWasChanged() throws {
        let parent = TemporaryDirectory()
        let files = try RuntimeFiles.install([("x", [1, 2, 3])], into: parent.path)
        let name = files.directory.dropFirst(parent.path.count + 1)
        parent.write(name + "/x", "changed")
        _ = try RuntimeFiles.install([("x", [1, 2, 3])], into: parent.path)
        #expect(readFile(files.directory + "/x") == [1, 2, 3])
    }

    @Test func namesThePathThatCannotBeMade() throws {
        let parent = TemporaryDirectory()
        parent.write("occupied")
        #expect {
            try RuntimeFiles.install([], into: parent.path + "/occupied/below")
        } throws: { error in
            let failure = error as? RuntimeFiles.Failure
            return failure?.errno == ENOTDIR && failure?.path == parent.path + "/occupied/below"
        }
    }
}
