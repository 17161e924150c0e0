import AWSWire
import IAMModel
import LambdaModel
import NIOCore
import NIOHTTP1
import STSModel

extension FuzzTarget {
    /// The check and the reader of JSON agree, and what was read can be written and read again.
    static let json = FuzzTarget("json") { input in
        let bytes = ByteBuffer(bytes: input)
        let problem = JSONSyntax.validate(bytes)
        guard let value = try? JSONValue(parsing: bytes, depthLimit: JSONSyntax.maximumDepth) else {
            return try hold(problem != nil, "valid and unreadable")
        }
        try hold(problem == nil, "read, but \(problem.map { "\($0)" } ?? "")")
        let written = value.written
        guard let again = try? JSONValue(parsing: written, depthLimit: JSONSyntax.maximumDepth) else {
            throw Violation("what is written is no JSON: \(String(buffer: written))")
        }
        try hold(again.written == written, "\(String(buffer: written)) becomes \(String(buffer: again.written))")
        _ = value.int
        _ = value.double
    }

    /// What is CBOR becomes JSON that is the same when it is written as CBOR and read again.
    static let cbor = FuzzTarget("cbor") { input in
        guard let json = try? CBOR.json(ByteBuffer(bytes: input), depthLimit: 50) else { return }
        try hold(json.readableBytes <= 32 * (input.count + 1), "\(input.count) bytes become \(json.readableBytes)")
        guard let value = try? JSONValue(parsing: json) else {
            throw Violation("what it becomes is no JSON: \(String(buffer: json))")
        }
        var writer = CBORWriter()
        writer.write(value)
        guard let again = try? CBOR.json(writer.buffer) else { throw Violation("what is written cannot be read") }
        // Numbers beyond those of 64 bits lose digits once, and no more.
        var last = CBORWriter()
        if let value = try? JSONValue(parsing: again) { last.write(value) }
        try hold((try? CBOR.json(last.buffer)) == again, "\(String(buffer: again)) becomes another")
    }

    /// The inputs of operations: a value or an error that the client can be told.
    static let shapes = FuzzTarget("shapes") { input in
        var choices = Choices(input)
        let decode = choices.choice(decoders)
        let (signed, body) = TextRequest.read(choices.rest)
        let caller = Caller(.root(.standard, accessKeyID: "k"), region: "us-east-1")
        let request = ServiceRequest(
            method: signed.method, path: signed.path, query: signed.query, headers: signed.headers, body: body,
            caller: caller, requestID: "r")
        let labels = Lambda.route(request)?.labels ?? RouteLabels()
        do {
            try decode(request, labels)
        } catch {
            guard let error = error as? AWSError else { throw Violation("\(error) is no error of AWS") }
            try hold(error.status == 400 && !error.code.isEmpty, "\(error)")
            let answer = ErrorEncoding.response(for: error, protocol: .restJSON, requestID: "r")
            try hold(JSONSyntax.validate(answer.bytes) == nil, "an error that is no JSON: \(error)")
        }
    }

    /// The same of the query protocol, whose members are paths in a form.
    static let forms = FuzzTarget("forms") { input in
        var choices = Choices(input)
        let decode = choices.choice(formDecoders)
        let caller = Caller(.root(.standard, accessKeyID: "k"), region: "us-east-1")
        let request = ServiceRequest(
            method: .POST, path: "/", body: ByteBuffer(bytes: choices.rest), caller: caller, requestID: "r")
        do {
            try decode(request)
        } catch {
            guard let error = error as? AWSError else { throw Violation("\(error) is no error of AWS") }
            try hold(error.status == 400 && !error.code.isEmpty, "\(error)")
            let answer = ErrorEncoding.response(for: error, protocol: .anyQuery, requestID: "r")
            let text = String(buffer: answer.bytes)
            try hold(text.utf8.count { $0 == UInt8(ascii: "<") } == 12, "an error with elements of its own: \(text)")
        }
    }

    private static let formDecoders: [@Sendable (ServiceRequest) throws -> Void] = [
        { _ = try IAM.CreateRoleRequest(decoding: $0) },
        { _ = try IAM.SimulateCustomPolicyRequest(decoding: $0) },
        { _ = try STS.AssumeRoleRequest(decoding: $0) },
        { _ = (try? IAM.route($0), try? STS.route($0)) },
    ]

    private static let decoders: [@Sendable (ServiceRequest, RouteLabels) throws -> Void] = [
        { _ = try Lambda.CreateFunctionRequest(decoding: $0, labels: $1) },
        { _ = try Lambda.UpdateFunctionConfigurationRequest(decoding: $0, labels: $1) },
        { _ = try Lambda.InvocationRequest(decoding: $0, labels: $1) },
        { _ = try Lambda.AddPermissionRequest(decoding: $0, labels: $1) },
        { _ = try Lambda.PublishLayerVersionRequest(decoding: $0, labels: $1) },
        { _ = try Lambda.PutFunctionEventInvokeConfigRequest(decoding: $0, labels: $1) },
        { _ = try Lambda.ListFunctionsRequest(decoding: $0, labels: $1) },
        { _ = try Lambda.TagResourceRequest(decoding: $0, labels: $1) },
    ]
}

extension JSONValue {
    /// Compact, without a name that comes again.
    fileprivate var written: ByteBuffer {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.buffer
    }

    private func write(to writer: inout JSONWriter) {
        switch kind {
        case .null: writer.null()
        case .string: writer.string(string ?? "")
        case .number: writer.raw(ByteBuffer(string: numberText ?? "0"))
        case .array:
            writer.beginArray()
            for element in elements { element.write(to: &writer) }
            writer.endArray()
        case .object:
            writer.beginObject()
            var names: Set<String> = []
            for (name, _) in members where names.insert(name).inserted {
                writer.name(name)
                self[name]?.write(to: &writer)
            }
            writer.endObject()
        default: writer.bool(bool ?? false)
        }
    }
}
