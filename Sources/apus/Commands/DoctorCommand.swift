import ArgumentParser
import Images
import Launcher
import Runtimes
import Sandbox

/// `apus doctor`: what this machine can do.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract:
            "Say what this machine can isolate and limit, which runtimes it has, and how to mend what is missing.",
        discussion: "Exits with 1 when functions could not run here with every protection."
    )

    func run() async throws {
        let host = HostReport.current()
        let network = NetworkReport()
        print("Isolation")
        for finding in host.findings {
            show(finding.subject, finding.detail, isGood: finding.state == .good, remedy: finding.remedy)
        }
        print("\nNetwork")
        for item in network.items { show(item.name, item.finding, isGood: item.isPresent, remedy: item.remedy) }
        print("\nContainer images")
        for program in ImageReport().programs {
            let missing = "not installed: \(program.consequence)"
            show(program.name, program.path ?? missing, isGood: program.path != nil, remedy: program.remedy)
        }
        print("\nRuntimes")
        let catalogue = RuntimeCatalogue.discover(
            Discovery(environment: Variables.current, installed: try? DataDirectory.runtimes(chosen: nil)),
            files: RuntimeFiles(directory: "/nonexistent"))
        for line in catalogue.report {
            let by = line.served == .missing ? "not installed" : line.by
            show(line.identifier, by, isGood: line.served == .exactly, remedy: line.remedy)
        }
        if !network.hasWayOut || host.findings.contains(where: { $0.state != .good && $0.state != .lacking }) {
            throw ExitCode.failure
        }
    }

    private func show(_ subject: String, _ detail: String, isGood: Bool, remedy: String?) {
        let gap = String(repeating: " ", count: max(1, 20 - subject.count))
        print("  \(isGood ? "✓" : "✗") \(subject)\(gap)\(detail)")
        if let remedy { print("      mend: \(remedy)") }
    }
}
