import AWSWire
import CloudWatchModel
import NIOCore
import Storage

/// Dashboards: documents that are kept for clients, who draw them.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
extension CloudWatchService {
    private static let nameLimit = 255
    private static let bodyLimit = 1_048_576
    /// How many one answer lists.
    private static let pageSize = 1_000

    func putDashboard(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.PutDashboardInput(decoding: request)
        let account = request.caller.account.digits
        try authorize(.putDashboard, on: [Self.arn(input.dashboardName, request.caller)], request)
        if input.tags != nil { throw AWSError.unsupported("Tags of dashboards are not supported.") }
        try Self.checkName(input.dashboardName)
        try Self.checkBody(input.dashboardBody)
        let now = clock()
        _ = try await alarms.database.write { connection in
            try connection.execute(
                """
                INSERT INTO cloudwatch_dashboards (account, name, body, modified) VALUES (?, ?, ?, ?)
                ON CONFLICT (account, name) DO UPDATE SET body = excluded.body, modified = excluded.modified
                """, [.text(account), .text(input.dashboardName), .text(input.dashboardBody), .integer(now)])
        }
        return CloudWatch.PutDashboardOutput(dashboardValidationMessages: [])
    }

    func getDashboard(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.GetDashboardInput(decoding: request)
        let account = request.caller.account.digits
        let arn = Self.arn(input.dashboardName, request.caller)
        try authorize(.getDashboard, on: [arn], request)
        let row = try await alarms.database.read { connection in
            try connection.query(
                "SELECT body FROM cloudwatch_dashboards WHERE account = ? AND name = ?",
                [.text(account), .text(input.dashboardName)]
            ).first
        }
        guard let row else { throw Self.noDashboard(input.dashboardName) }
        return CloudWatch.GetDashboardOutput(
            dashboardArn: arn, dashboardBody: try row.text("body"), dashboardName: input.dashboardName)
    }

    func listDashboards(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.ListDashboardsInput(decoding: request)
        let caller = request.caller
        try authorize(.listDashboards, request)
        let start = try input.nextToken.map(AlarmPage.name) ?? ""
        let prefix = input.dashboardNamePrefix ?? ""
        let rows = try await alarms.database.read { connection in
            try connection.query(
                """
                SELECT name, LENGTH(CAST(body AS BLOB)) AS size, modified FROM cloudwatch_dashboards
                WHERE account = ? AND name > ? AND name >= ? AND name <= ? ORDER BY name LIMIT ?
                """,
                [
                    .text(caller.account.digits), .text(start), .text(prefix), .text(prefix.endOfPrefix),
                    .integer(Int64(Self.pageSize + 1)),
                ])
        }
        let page = try rows.prefix(Self.pageSize).map { row in
            let name = try row.text("name")
            return CloudWatch.DashboardEntry(
                dashboardName: name, dashboardArn: Self.arn(name, caller),
                lastModified: Double(try row.integer("modified") / 1_000), size: Int(try row.integer("size")))
        }
        return CloudWatch.ListDashboardsOutput(
            dashboardEntries: page,
            nextToken: rows.count > page.count ? page.last?.dashboardName.map(AlarmPage.token) : nil)
    }

    /// All of them, or none.
    func deleteDashboards(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.DeleteDashboardsInput(decoding: request)
        let account = request.caller.account.digits
        try authorize(.deleteDashboards, on: input.dashboardNames.map { Self.arn($0, request.caller) }, request)
        try await alarms.database.write { connection in
            for name in input.dashboardNames {
                let count = try connection.execute(
                    "DELETE FROM cloudwatch_dashboards WHERE account = ? AND name = ?", [.text(account), .text(name)])
                guard count > 0 else { throw Self.noDashboard(name) }
            }
        }
        return CloudWatch.DeleteDashboardsOutput()
    }

    private static func noDashboard(_ name: String) -> AWSError {
        CloudWatchError.dashboardNotFound(message: "Dashboard \(name) does not exist")
    }

    private static func arn(_ name: String, _ caller: Caller) -> String {
        "arn:\(ARN.partition(of: caller.region)):cloudwatch::\(caller.account.digits):dashboard/\(name)"
    }

    private static func checkName(_ name: String) throws(AWSError) {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        // test_invalid_dashboard_name
        guard isPlain else {
            throw .invalidValue(
                "The value for field DashboardName contains invalid characters. It can only contain alphanumerics, dash "
                    + "(-) and underscore (_).\n")
        }
        guard !name.isEmpty, name.utf8.count <= nameLimit else {
            throw .invalidValue("The value for field DashboardName must have 1 to \(nameLimit) characters.\n")
        }
    }

    private static func checkBody(_ body: String) throws(AWSError) {
        guard body.utf8.count <= bodyLimit, let value = try? JSONValue(parsing: ByteBuffer(string: body)),
            value.kind == .object
        else {
            throw AWSError(
                code: "DashboardInvalidInputError", queryCode: "InvalidParameterInput",
                message: "The field DashboardBody must be a valid JSON object", status: 400)
        }
    }
}
