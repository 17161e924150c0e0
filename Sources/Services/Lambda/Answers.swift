import AWSWire
import Crypto
import LambdaModel
import Runtimes

extension LambdaService {
    /// A function as Get, Create and Update answer it.
    ///
    /// - Parameter qualifier: As the caller gave it; the ARN then has it too.
    func answer(_ record: FunctionRecord, qualifier: String? = nil) -> Lambda.FunctionConfiguration {
        var answer = entry(record, qualifier: qualifier)
        switch record.state {
        case .pending:
            answer.state = .pending
            answer.stateReason = StateReason.creating.text
            answer.stateReasonCode = Lambda.StateReasonCode(rawValue: StateReason.creating.code)
        case .active: answer.state = .active
        case .failed(let reason):
            answer.state = .failed
            answer.stateReason = reason.text
            answer.stateReasonCode = Lambda.StateReasonCode(rawValue: reason.code)
        }
        switch record.updateStatus {
        case .none: break
        case .inProgress:
            answer.lastUpdateStatus = .inProgress
            answer.lastUpdateStatusReason = StateReason.creating.text
            answer.lastUpdateStatusReasonCode = Lambda.LastUpdateStatusReasonCode(rawValue: StateReason.creating.code)
        case .successful: answer.lastUpdateStatus = .successful
        case .failed(let reason):
            answer.lastUpdateStatus = .failed
            answer.lastUpdateStatusReason = reason.text
            answer.lastUpdateStatusReasonCode = Lambda.LastUpdateStatusReasonCode(rawValue: reason.code)
        }
        answer.runtimeVersionConfig = runtimeVersion(record).map { Lambda.RuntimeVersionConfig(runtimeVersionArn: $0) }
        return answer
    }

    /// A function as lists have it: without its state.
    func entry(_ record: FunctionRecord, qualifier: String?) -> Lambda.FunctionConfiguration {
        let settings = record.settings
        var answer = Lambda.FunctionConfiguration(
            functionName: record.key.name, functionArn: record.key.arn(qualifier: qualifier),
            runtime: settings.image == nil ? Lambda.Runtime(rawValue: settings.runtime) : nil, role: settings.roleARN,
            handler: settings.image == nil ? settings.handler : nil,
            codeSize: settings.codeSize, description: settings.description, timeout: settings.timeoutSeconds,
            memorySize: settings.memoryMiB, lastModified: Timestamp.text(milliseconds: record.lastModified),
            codeSha256: settings.codeDigest, version: record.version,
            environment: settings.environment(with: configuration.variablesKey, for: record.key),
            tracingConfig: Lambda.TracingConfigResponse(mode: .passThrough), revisionId: record.revisionID,
            layers: settings.layers?.map(\.answer),
            packageType: settings.image == nil ? .zip : .image,
            architectures: [Lambda.Architecture(rawValue: settings.architecture)],
            ephemeralStorage: Lambda.EphemeralStorage(size: settings.ephemeralStorageMiB),
            snapStart: record.snapStartAnswer,
            loggingConfig: Lambda.LoggingConfig(logFormat: .text, logGroup: settings.logGroup))
        answer.signingProfileVersionArn = settings.signature?.profileVersion
        answer.signingJobArn = settings.signature?.job
        answer.imageConfigResponse = settings.image?.overrides?.answer
        settings.options?.fill(&answer)
        return answer
    }

    /// Names what serves the runtime on this machine: it changes when that does. Nil when nothing does, as for images.
    func runtimeVersion(_ record: FunctionRecord) -> String? {
        guard record.settings.image == nil, let runtime = try? resolveRuntime(record.settings.runtime) else {
            return nil
        }
        var hash = SHA256()
        for text in [runtime.identifier, runtime.root ?? ""] + runtime.arguments {
            hash.update(data: Array(text.utf8) + [0])
        }
        let partition = FunctionKey.partition(of: record.key.region)
        return "arn:\(partition):lambda:\(record.key.region)::runtime:\(Hexadecimal.encode(hash.finalize()))"
    }
}

extension FunctionSettings {
    /// `CodeSha256` of the answers: the digest of the zip file in base64, of an image's manifest in hex.
    var codeDigest: String { image?.digest ?? CodeDigest.base64(code) }
}

extension LayerReference {
    /// The layer as its function's configuration has it.
    fileprivate var answer: Lambda.Layer {
        Lambda.Layer(
            arn: arn, codeSize: codeSize, signingProfileVersionArn: signature?.profileVersion,
            signingJobArn: signature?.job)
    }
}

/// Digests of zip files.
enum CodeDigest {
    /// A digest in hex, in base64.
    static func base64(_ code: String) -> String {
        let nibbles = code.utf8.map { $0 < 0x3a ? $0 - 0x30 : $0 - 0x61 + 10 }
        return Base64.encode(stride(from: 0, to: nibbles.count - 1, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] })
    }
}
