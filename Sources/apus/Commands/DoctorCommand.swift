import ArgumentParser
import Launcher
import Runtimes
import Sandbox

/// `apus doctor`: what this machine can do.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what this machine can isolate and limit, which runtimes it has, and how to mend what is missing.",
        discussion: "Exits with 1 when functions could not run here with every protection."
    )

    func run() async throws {
        print("Isolation")
        let host = HostReport.examine()
        for finding in host.findings { Self.print(finding.title, finding.state, good: finding.isGood, remedy: finding.remedy) }
        print("\nRuntimes")
        let catalogue = RuntimeCatalogue.discover(
            Discovery(environment: Variables.current), files: RuntimeFiles(directory: "/nonexistent"))
        for line in catalogue.report {
            let good = if case .exactly = line.served { true } else { false }
            Self.print(line.identifier, line.by, good: good, remedy: line.remedy)
        }
        if !host.isComplete { throw ExitCode.failure }
    }

    private static func print(_ title: String, _ state: String, good: Bool, remedy: String?) {
        let gap = String(repeating: " ", count: max(1, 22 - title.count))
        Swift.print("  \(good ? "✓" : "✗") \(title)\(gap)\(state)")
        if let remedy { Swift.print("      mend: \(remedy)") }
    }
}
