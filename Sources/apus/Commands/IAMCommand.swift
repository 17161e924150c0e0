import AWSWire
import ArgumentParser
import Identity
import NIOCore
import Policies

/// `apus iam`: what has to do with permissions and is no call of AWS's.
struct IAMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "iam", abstract: "Look after permissions.", subcommands: [Report.self])

    struct Report: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the policies that would have allowed what a permissive server let pass.",
            discussion: """
                `apus serve --iam permissive` does what no policy allows, and writes it down. This makes least-privilege
                policies of it: a JSON object of one policy for each user, role or service; with --principal the policy
                alone, ready for `aws iam put-role-policy --policy-document`.
                """)

        @Option(help: ArgumentHelp("The data directory.", valueName: "dir"))
        var data: String?

        @Option(help: ArgumentHelp("Whose policy to print: the ARN of a user or a role.", valueName: "arn"))
        var principal: String?

        func run() async throws {
            let directory = try DataDirectory.path(chosen: data)
            let denials = try DenialFile.read(DenialFile.path(in: directory))
            let report = DenialReport(denials)
            if let principal {
                guard let policy = report.policies[principal] else {
                    throw ValidationError("Nothing was noted of \(principal).")
                }
                print(String(buffer: policy.json))
            } else {
                print(report.text)
            }
        }
    }
}

/// The policies that would have allowed what was noted.
struct DenialReport {
    /// By principals.
    let policies: [String: PolicyDocument]

    init(_ denials: [Denial]) {
        var actions: [String: [String: Set<String>]] = [:]
        for denial in denials {
            actions[denial.principal, default: [:]][denial.resource, default: []].insert(denial.action)
        }
        policies = actions.mapValues { byResource in
            // Resources for which the same is wanted share a statement.
            var resources: [[String]: [String]] = [:]
            for (resource, actions) in byResource { resources[actions.sorted(), default: []].append(resource) }
            let statements = resources.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { actions, resources in
                PolicyStatement(
                    principals: nil, actions: PolicyElement(actions), resources: PolicyElement(resources.sorted()))
            }
            return PolicyDocument(version: "2012-10-17", statements: statements)
        }
    }

    /// A JSON object of all.
    var text: String {
        let members = policies.sorted { $0.key < $1.key }.map { principal, policy in
            var name = JSONWriter()
            name.string(principal)
            return "\(String(buffer: name.buffer)): \(String(buffer: policy.json))"
        }
        return "{\(members.joined(separator: ",\n"))}"
    }
}
