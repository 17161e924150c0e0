import AWSWire
import LambdaModel
import Storage

/// The layers of a function: from the ARNs of a request to what its environments mount.
extension LambdaService {
    /// Checks the ARNs in AWS's order: how many, where, whether each is there, whether two are one layer. The recorded
    /// answers are those of test_layer_function_exceptions and test_layer_function_quota_exception.
    @discardableResult
    func check(layers arns: [String], _ caller: Caller) async throws -> [LayerReference] {
        if arns.isEmpty { return [] }
        if arns.count > quotas.layersPerFunction {
            throw LambdaError.invalidParameterValue(
                message: "Cannot reference more than \(quotas.layersPerFunction) layers.")
        }
        return try await references(arns, caller)
    }

    /// As ``check(layers:_:)``; the content of the layers is held until ``release(layers:)``.
    func hold(layers arns: [String], _ request: ServiceRequest) async throws -> [LayerReference] {
        let caller = request.caller
        let found = try await check(layers: arns, caller)
        for layer in found { await code.hold(layer.code) }
        do {
            // Before they were held, one may have been deleted and cleared away.
            guard try await references(arns, caller) == found else { throw Self.noLayerVersion(arns[0]) }
            return found
        } catch {
            await release(layers: found)
            throw error
        }
    }

    /// Keeps code and layers of a new function, if they fit into one environment. The caller must
    /// ``release(_:_:)`` them.
    func accept(
        _ source: CodeSource, layers arns: [String], _ request: ServiceRequest
    ) async throws -> (CodeStore.Accepted, [LayerReference]) {
        let layers = try await hold(layers: arns, request)
        let accepted: CodeStore.Accepted
        do {
            accepted = try await accept(source)
        } catch {
            await release(layers: layers)
            throw error
        }
        do {
            try await requireUnzippedRoom(layers: layers, code: accepted.code)
            return (accepted, layers)
        } catch {
            await release(accepted, layers)
            throw error
        }
    }

    func release(_ accepted: CodeStore.Accepted, _ layers: [LayerReference]) async {
        await code.release(accepted.code)
        await release(layers: layers)
        deployer.wake()
    }

    func release(layers: [LayerReference]) async {
        for layer in layers { await code.release(layer.code) }
        if !layers.isEmpty { deployer.wake() }
    }

    /// - Throws: `InvalidParameterValueException` when layers and code together unfold to too much.
    func requireUnzippedRoom(layers: [LayerReference], code: String) async throws {
        if layers.isEmpty { return }
        let limit = quotas.unzippedCodeBytes
        let sizes = try await self.code.unzippedSizes(layers.map(\.code) + [code])
        if sizes.dropLast().reduce(0, +) > limit {
            throw LambdaError.invalidParameterValue(
                message: "Layers consume more than the available size of \(limit) bytes")
        }
        let total = sizes.reduce(0, +)
        if total > limit {
            throw LambdaError.invalidParameterValue(
                message: "Function code combined with layers exceeds the maximum allowed size of \(limit) bytes. The "
                    + "actual size is \(total) bytes.")
        }
    }

    private func references(_ arns: [String], _ caller: Caller) async throws -> [LayerReference] {
        try await database.read { connection in
            let layers = LayerRepository(connection)
            var seen: [LayerKey: String] = [:]
            var found: [LayerReference] = []
            for arn in arns {
                guard let name = LayerVersionName(arn: arn) else { throw Self.noLayerVersion(arn) }
                let record = try Self.usable(name, arn, layers, caller)
                if let first = seen[name.key] {
                    throw LambdaError.invalidParameterValue(
                        message: "Two different versions of the same layer are not allowed to be referenced in the "
                            + "same function. \(first) and \(arn) are versions of the same layer.")
                }
                seen[name.key] = arn
                found.append(record.reference)
            }
            return found
        }
    }

    private static func usable(
        _ name: LayerVersionName, _ arn: String, _ layers: LayerRepository, _ caller: Caller
    ) throws -> LayerVersionRecord {
        let isOwn = name.key.account == caller.account.digits
        guard name.key.region == caller.region else {
            if !isOwn { throw AWSError.accessDenied(caller: caller, action: "GetLayerVersion", resource: arn) }
            throw LambdaError.invalidParameterValue(
                message: "Layers are not in the same region as the function. Layers are expected to be in region "
                    + "\(caller.region).")
        }
        let record = try layers.find(name.key, version: name.version)
        if !isOwn, record?.allows(caller) != true {
            throw AWSError.accessDenied(caller: caller, action: "GetLayerVersion", resource: arn)
        }
        guard let record else { throw noLayerVersion(arn) }
        return record
    }

    private static func noLayerVersion(_ arn: String) -> AWSError {
        LambdaError.invalidParameterValue(message: "Layer version \(arn) does not exist.")
    }
}
