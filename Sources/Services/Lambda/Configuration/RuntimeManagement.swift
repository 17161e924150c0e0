import AWSWire
import LambdaModel
import Storage

/// When a version moves to another version of its runtime:
/// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html
///
/// A machine has one version of each runtime: the one whose ARN `RuntimeVersionConfig` shows. So `Auto` and
/// `FunctionUpdate` run alike, and `Manual` can name only that version.
struct RuntimeManagement: Attachment, Hashable {
    static let kind = "runtime-management"

    /// `Auto`, `FunctionUpdate` or `Manual`.
    var updateRuntimeOn: String
    /// Set with `Manual` alone.
    var runtimeVersionARN: String?

    static let automatic = RuntimeManagement(updateRuntimeOn: Lambda.UpdateRuntimeOn.auto.rawValue)

    var isManual: Bool { updateRuntimeOn == Lambda.UpdateRuntimeOn.manual.rawValue }
}

extension LambdaService {
    func putRuntimeManagementConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.PutRuntimeManagementConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller,
            action: "PutRuntimeManagementConfig")
        let management = RuntimeManagement(
            updateRuntimeOn: input.updateRuntimeOn.rawValue, runtimeVersionARN: input.runtimeVersionArn)
        let record = try await record(target)
        try requireRuntimeVersion(management, record)
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(record.key, version: record.version) != nil else {
                throw AWSError.functionNotFound(target.arn)
            }
            try functions.attach(management, to: record.key, qualifier: record.version)
        }
        return Lambda.PutRuntimeManagementConfigResponse(
            updateRuntimeOn: input.updateRuntimeOn, functionArn: target.arn,
            runtimeVersionArn: management.runtimeVersionARN
        ).encode()
    }

    func getRuntimeManagementConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetRuntimeManagementConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller,
            action: "GetRuntimeManagementConfig")
        let record = try await record(target)
        let management = try await database.read { connection in
            try FunctionRepository(connection).attached(
                RuntimeManagement.self, to: record.key, qualifier: record.version) ?? .automatic
        }
        return Lambda.GetRuntimeManagementConfigResponse(
            updateRuntimeOn: Lambda.UpdateRuntimeOn(rawValue: management.updateRuntimeOn),
            runtimeVersionArn: management.runtimeVersionARN, functionArn: target.arn
        ).encode()
    }

    /// `Manual` needs a version, that version must be the one that is installed, and the other modes take none.
    private func requireRuntimeVersion(_ management: RuntimeManagement, _ record: FunctionRecord) throws(AWSError) {
        guard let arn = management.runtimeVersionARN else {
            if management.isManual {
                throw LambdaError.invalidParameterValue(
                    message: "RuntimeVersionArn is required when UpdateRuntimeOn is Manual.")
            }
            return
        }
        guard management.isManual else {
            throw LambdaError.invalidParameterValue(
                message: "RuntimeVersionArn is allowed only when UpdateRuntimeOn is Manual.")
        }
        guard let installed = runtimeVersion(record), installed == arn else {
            let shown = runtimeVersion(record) ?? "none"
            throw LambdaError.invalidParameterValue(
                message: "The runtime version \(arn) is not on this machine. The installed version of "
                    + "\(record.settings.runtime): \(shown)")
        }
    }
}

extension FunctionRepository {
    /// - Throws: `InvalidParameterValueException` when a function that is pinned to a runtime version would change its
    ///   runtime.
    func requireRuntimeChangeable(_ record: FunctionRecord, to runtime: String) throws {
        guard runtime != record.settings.runtime else { return }
        let management = try attached(RuntimeManagement.self, to: record.key, qualifier: Version.latest)
        if management?.isManual == true {
            throw LambdaError.invalidParameterValue(
                message: "Cannot change runtime identifier when runtime management configuration is set to 'Manual'. "
                    + "Change the runtime management configuration to 'Auto' or 'FunctionUpdate', then retry.")
        }
    }
}
