import AWSWire
import Fleet
import LambdaModel
import Logging
import Storage

extension LambdaService {
    func deleteFunction(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.DeleteFunctionRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller, action: "DeleteFunction")
        if let qualifier = target.qualifier {
            try await delete(try deletable(qualifier), of: target.key)
        } else {
            try await delete(target.key)
        }
        deployer.wake()
        return .empty(204)
    }

    private func delete(_ key: FunctionKey) async throws {
        let setReservedConcurrency = setReservedConcurrency
        let (settings, creation) = try await database.write { connection in
            let functions = FunctionRepository(connection)
            guard let record = try functions.find(key) else { throw AWSError.functionNotFound(key.arn) }
            let versions = try functions.versions(of: key, after: 0)
            _ = try functions.delete(key)
            if record.reservedConcurrency != nil {
                setReservedConcurrency(key.account, key.region, key.name, nil)
            }
            let settings = ([record.settings, record.serving] + versions.map(\.settings)).compactMap(\.self)
            return (settings, record.creation)
        }
        cache.invalidate(key)
        urls.remove(key)
        do {
            try await queue.remove(key, creation: creation)
        } catch {
            // The function is gone all the same: its events find that out one by one.
            logger.error(
                "Events of a deleted function could not be deleted",
                metadata: ["function": "\(key.arn)", "error": "\(error)"])
        }
        try await provisioner.reapply(key)
        fleet.retire(account: key.account, region: key.region, name: key.name, version: nil, except: nil)
        for content in Set(settings.flatMap(\.contents)) { await code.discard(content) }
    }

    /// Deletes a published version. That there is none is no error, as recorded in test_delete_on_nonexisting_version.
    private func delete(_ number: Int, of key: FunctionKey) async throws {
        let version = try await database.write { connection -> FunctionRecord? in
            let functions = FunctionRepository(connection)
            guard try functions.find(key) != nil else { throw AWSError.functionNotFound(key.arn) }
            let name = String(number)
            guard let version = try functions.find(key, version: name) else { return nil }
            let aliases = try functions.aliases(of: key, version: nil)
                .filter { $0.version == name || $0.weights[name] != nil }
            guard aliases.isEmpty else {
                throw LambdaError.resourceConflict(
                    message: "Unable to delete version because the following aliases reference it: "
                        + "[\(aliases.map(\.name).joined(separator: ", "))]")
            }
            _ = try functions.delete(key, version: number)
            return version
        }
        guard let version else { return }
        cache.invalidate(key)
        try await provisioner.reapply(key)
        fleet.retire(
            account: key.account, region: key.region, name: key.name, version: version.version, except: nil)
        await code.discard(version.settings)
    }

    /// The number of a version that a qualifier names, as AWS refuses any other qualifier.
    private func deletable(_ qualifier: String) throws(AWSError) -> Int {
        if qualifier == Version.latest {
            throw LambdaError.invalidParameterValue(
                message: "$LATEST version cannot be deleted without deleting the function.")
        }
        guard let number = Version.number(qualifier) else {
            throw LambdaError.invalidParameterValue(message: "Deletion of aliases is not currently supported.")
        }
        return number
    }
}
