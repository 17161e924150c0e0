package import AWSWire
package import NIOCore

extension PolicyDocument {
    /// Reads a policy's JSON.
    ///
    /// - Throws: ``PolicySyntaxError`` for what is no JSON, for members that no policy has or that contradict each
    ///   other, for values of the wrong kind and for unknown operators.
    package init(parsing text: ByteBuffer) throws(PolicySyntaxError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw PolicySyntaxError("The policy is not valid JSON.")
        }
        try self.init(value)
    }

    package init(_ value: JSONValue) throws(PolicySyntaxError) {
        let members = try value.policyMembers(["Version", "Id", "Statement"], of: "policy")
        version = try members["Version"]?.policyText("Version")
        guard version == nil || version == "2012-10-17" || version == "2008-10-17" else {
            throw PolicySyntaxError("The policy language version \(version ?? "") is not supported.")
        }
        id = try members["Id"]?.policyText("Id")
        guard let statement = members["Statement"] else { throw PolicySyntaxError("Missing required field Statement") }
        let list = statement.kind == .array ? statement.elements : [statement]
        statements = []
        for element in list { statements.append(try PolicyStatement(element)) }
    }

    /// The policy's JSON, compact, its members in the order in which AWS writes them.
    package var json: ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        if let version { writer.member("Version", version) }
        if let id { writer.member("Id", id) }
        writer.name("Statement")
        writer.beginArray()
        for statement in statements { statement.encode(to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.buffer
    }
}

extension PolicyStatement {
    package init(_ value: JSONValue) throws(PolicySyntaxError) {
        let known: Set<String> = [
            "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
        ]
        let members = try value.policyMembers(known, of: "statement")
        sid = try members["Sid"]?.policyText("Sid")
        let word = try members["Effect"]?.policyText("Effect")
        guard let word else { throw PolicySyntaxError("Missing required field Effect") }
        guard let effect = Effect(rawValue: word) else { throw PolicySyntaxError("Invalid effect: \(word)") }
        self.effect = effect
        principals = try Self.element(members, "Principal", Self.principals)
        guard let actions = try Self.element(members, "Action", Self.texts) else {
            throw PolicySyntaxError("Missing required field Action")
        }
        self.actions = actions
        resources = try Self.element(members, "Resource", Self.texts)
        conditions = try members["Condition"].map(Self.conditions) ?? []
    }

    /// The element of that name, or the one with `Not` before it.
    private static func element<Value>(
        _ members: [String: JSONValue], _ name: String,
        _ read: (JSONValue, String) throws(PolicySyntaxError) -> [Value]
    ) throws(PolicySyntaxError) -> PolicyElement<Value>? {
        switch (members[name], members["Not" + name]) {
        case (nil, nil): return nil
        case (let value?, nil): return PolicyElement(try read(value, name))
        case (nil, let value?): return PolicyElement(try read(value, "Not" + name), sense: .allBut)
        case (_?, _?): throw PolicySyntaxError("A statement has either \(name) or Not\(name), not both")
        }
    }

    private static func texts(_ value: JSONValue, _ name: String) throws(PolicySyntaxError) -> [String] {
        guard value.kind == .array else { return [try value.policyText(name)] }
        var texts: [String] = []
        // IAM puts up with nulls in lists.
        for element in value.elements where !element.isNull { texts.append(try element.policyText(name)) }
        return texts
    }

    private static func principals(_ value: JSONValue, _ name: String) throws(PolicySyntaxError) -> [PolicyPrincipal] {
        if let text = value.string {
            guard text == "*" else { throw PolicySyntaxError("Invalid principal in policy: \(text)") }
            return [.anyone]
        }
        guard value.kind == .object else { throw PolicySyntaxError("Invalid principal in policy") }
        try value.requireUniqueMembers()
        var principals: [PolicyPrincipal] = []
        for (kind, names) in value.members {
            for text in try texts(names, name) {
                guard let principal = PolicyPrincipal(kind: kind, name: text) else {
                    throw PolicySyntaxError("Invalid principal in policy: \"\(kind)\":\"\(text)\"")
                }
                principals.append(principal)
            }
        }
        return principals
    }

    private static func conditions(_ value: JSONValue) throws(PolicySyntaxError) -> [PolicyCondition] {
        guard value.kind == .object else { throw PolicySyntaxError("Condition must be an object") }
        try value.requireUniqueMembers()
        var conditions: [PolicyCondition] = []
        for (name, keys) in value.members {
            guard keys.kind == .object else { throw PolicySyntaxError("The condition \(name) must be an object") }
            guard let test = ConditionOperator(name) else {
                // Nor does it mind an operator that does not exist, as long as it tests nothing.
                if keys.members.isEmpty { continue }
                throw PolicySyntaxError("Invalid Condition type : \(name)")
            }
            try keys.requireUniqueMembers()
            for (key, wanted) in keys.members {
                var values: [String] = []
                for element in wanted.kind == .array ? wanted.elements : [wanted] {
                    guard let text = element.policyScalar else {
                        throw PolicySyntaxError("Invalid value of the condition key \(key)")
                    }
                    values.append(text)
                }
                conditions.append(PolicyCondition(test, key, values))
            }
        }
        return conditions
    }

    /// The statement's JSON. Lists of one are written as their value, as AWS does.
    package var json: ByteBuffer {
        var writer = JSONWriter()
        encode(to: &writer)
        return writer.buffer
    }

    func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        if let sid { writer.member("Sid", sid) }
        writer.member("Effect", effect.rawValue)
        if let principals {
            writer.name(principals.sense == .these ? "Principal" : "NotPrincipal")
            Self.encode(principals.values, to: &writer)
        }
        writer.name(actions.sense == .these ? "Action" : "NotAction")
        writer.oneOrMore(actions.values)
        if let resources {
            writer.name(resources.sense == .these ? "Resource" : "NotResource")
            writer.oneOrMore(resources.values)
        }
        if !conditions.isEmpty {
            writer.name("Condition")
            encodeConditions(to: &writer)
        }
        writer.endObject()
    }

    private static func encode(_ principals: [PolicyPrincipal], to writer: inout JSONWriter) {
        if principals == [.anyone] { return writer.string("*") }
        writer.beginObject()
        var kinds: [String] = []
        for kind in principals.map({ $0.kind ?? "AWS" }) where !kinds.contains(kind) { kinds.append(kind) }
        for kind in kinds {
            let names = principals.filter { ($0.kind ?? "AWS") == kind }.map(\.name)
            writer.name(kind)
            writer.oneOrMore(names)
        }
        writer.endObject()
    }

    /// Conditions of one operator share an object, in the order of their first.
    private func encodeConditions(to writer: inout JSONWriter) {
        var names: [String] = []
        for name in conditions.map(\.test.name) where !names.contains(name) { names.append(name) }
        writer.beginObject()
        for name in names {
            writer.name(name)
            writer.beginObject()
            for condition in conditions where condition.test.name == name {
                writer.name(condition.key)
                writer.oneOrMore(condition.values)
            }
            writer.endObject()
        }
        writer.endObject()
    }
}

extension JSONValue {
    /// The members of an object; each only once, and none but those that are known.
    fileprivate func policyMembers(_ known: Set<String>, of place: String) throws(PolicySyntaxError)
        -> [String: JSONValue]
    {
        guard kind == .object else { throw PolicySyntaxError("The \(place) must be an object") }
        var found: [String: JSONValue] = [:]
        for (name, value) in members {
            guard known.contains(name) else { throw PolicySyntaxError("Unknown field \(name)") }
            guard found.updateValue(value, forKey: name) == nil else {
                throw PolicySyntaxError("Duplicate field \(name)")
            }
        }
        return found
    }

    fileprivate func requireUniqueMembers() throws(PolicySyntaxError) {
        var names: Set<String> = []
        for (name, _) in members where !names.insert(name).inserted {
            throw PolicySyntaxError("Duplicate field \(name)")
        }
    }

    fileprivate func policyText(_ name: String) throws(PolicySyntaxError) -> String {
        guard let string else { throw PolicySyntaxError("The value of \(name) must be a string") }
        return string
    }

    /// The value of a condition, which may also be a number or a truth value.
    var policyScalar: String? {
        switch kind {
        case .string: string
        case .number: numberText
        case .true: "true"
        case .false: "false"
        case .null, .array, .object: nil
        }
    }
}

extension JSONWriter {
    fileprivate mutating func oneOrMore(_ values: [String]) {
        if values.count == 1, let value = values.first { return string(value) }
        beginArray()
        for value in values { string(value) }
        endArray()
    }
}
