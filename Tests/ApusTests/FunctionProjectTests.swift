import Glibc
import Testing
import TestSupport

@testable import apus

/// What `apus deploy` promises of a directory in its help.
@Suite struct FunctionProjectTests {
    private let directory = TemporaryDirectory()

    private func guess() -> String? {
        FunctionProject.guess(directory: directory.path).map { "\($0.runtime) \($0.handler)" }
    }

    @Test(arguments: [
        (
            "lambda_function.py", "def lambda_handler(event, context):\n    pass\n",
            "python3.13 lambda_function.lambda_handler"
        ),
        ("app.py", "import json\n\ndef handler(event, context): return 1\n", "python3.13 app.handler"),
        ("main.py", "async def main(event, context): ...\n", "python3.13 main.main"),
        // A method is no handler, nor is a name that merely begins alike.
        ("app.py", "class A:\n    def handler(self): ...\ndef handlers(): ...\n", "python3.13 app.lambda_handler"),
        ("index.mjs", "export const handler = async () => 1\n", "nodejs22.x index.handler"),
        ("app.js", "exports.lambda_handler = async () => 1\n", "nodejs22.x app.lambda_handler"),
        ("app.rb", "def handler(event:, context:)\nend\n", "ruby3.4 app.handler"),
        ("handler.cjs", "exports.main = async () => 1\n", "nodejs22.x handler.main"),
    ])
    func aFileNamesRuntimeAndHandler(file: String, source: String, expected: String) {
        directory.write(file, source)
        #expect(guess() == expected)
    }

    @Test func anExecutableBootstrapIsACustomRuntime() {
        directory.write("app.py", "def handler(event, context): ...\n")
        directory.write("bootstrap", "#!/bin/sh\n", mode: 0o755)
        #expect(guess() == "provided.al2023 bootstrap")
    }

    /// AWS's own name for a Python function's file comes before others.
    @Test func theConsolesFileIsPreferred() {
        directory.write("index.mjs", "export const handler = 1\n")
        directory.write("app.py", "def handler(event, context): ...\n")
        directory.write("lambda_function.py", "def lambda_handler(event, context): ...\n")
        #expect(guess() == "python3.13 lambda_function.lambda_handler")
    }

    /// A class file's constants are texts with their lengths before them (Java Virtual Machine Specification, 4.4.7).
    @Test func aJavaClassThatImplementsAHandler() {
        let interface = "com/amazonaws/services/lambda/runtime/RequestHandler"
        let start: [UInt8] = [0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 52]
        mkdir(directory.path + "/hello", 0o755)
        directory.write("hello/Main.class", start + [1, 0, UInt8(interface.utf8.count)] + Array(interface.utf8))
        directory.write("hello/Other.class", start)
        #expect(guess() == "java21 hello.Main")
        directory.write("Second.class", start + [1, 0, UInt8(interface.utf8.count)] + Array(interface.utf8))
        #expect(guess() == nil)
    }

    @Test func nothingIsGuessedOfOtherFiles() {
        directory.write("README.md", "def handler(event, context): ...\n")
        #expect(guess() == nil)
    }
}

@Suite struct FunctionPackageTests {
    @Test func aDirectoryIsZippedAndNamesTheFunction() throws {
        let directory = TemporaryDirectory()
        directory.write("app.py", "def handler(event, context): ...\n")
        let package = try FunctionPackage(path: directory.path)
        #expect(directory.path.hasSuffix("/" + package.name))
        #expect(package.guess?.handler == "app.handler")

        // The zip of a directory is a package too, and looks the same.
        let other = TemporaryDirectory()
        other.write("my.fn 1.zip", package.zip)
        let again = try FunctionPackage(path: other.path + "/my.fn 1.zip")
        // CreateFunction's pattern of names: letters, digits, - and _.
        #expect(again.name == "my-fn-1")
        #expect(again.zip == package.zip)
        #expect(again.guess == package.guess)
    }

    @Test func nothingThereIsSaid() {
        let directory = TemporaryDirectory()
        #expect(throws: ClientError.self) { try FunctionPackage(path: directory.path + "/none") }
    }
}
