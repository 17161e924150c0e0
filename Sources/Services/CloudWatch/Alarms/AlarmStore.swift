import AWSWire
import Delivery
import Storage

/// Where alarms are, with the outbox of what they do: a change of state and its actions are one commit.
struct AlarmStore: Sendable {
    let database: any Database
    let outbox: Outbox

    func read<Value: Sendable>(_ work: @escaping @Sendable (AlarmTable) throws -> Value) async throws -> Value {
        try await database.read { try work(AlarmTable($0)) }
    }

    @discardableResult func write<Value: Sendable>(_ work: @escaping @Sendable (AlarmTable) throws -> Value)
        async throws -> Value
    { try await database.write { try work(AlarmTable($0)) } }

    /// Does something by which states may change, and has the actions sent that come of it.
    @discardableResult func change<Value: Sendable>(_ work: @escaping @Sendable (inout Transitions) throws -> Value)
        async throws -> Value
    {
        let (value, targets) = try await database.write { [outbox] connection in
            var transitions = Transitions(table: AlarmTable(connection))
            let value = try work(&transitions)
            try outbox.add(transitions.entries, to: connection)
            return (value, transitions.entries.map(\.parcel.target))
        }
        outbox.wake(targets)
        return value
    }
}

extension JSONWriter {
    mutating func member(_ name: String, _ text: String?) {
        self.name(name)
        if let text { string(text) } else { null() }
    }
}
