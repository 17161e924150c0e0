import Delivery
import Fleet
import Identity
import Metrics

/// Hears from the outbox which records of outcomes did not arrive: those tries are metrics of their functions.
struct OutcomeReceipts: OutboxOwner {
    /// As which it is registered.
    static let name = "lambda"

    /// What a record is for.
    enum Kind: String {
        case destination
        case deadLetters
    }

    let meters: Meters
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64

    /// What the outbox keeps with a record.
    static func note(_ kind: Kind, _ target: FunctionTarget) -> String {
        "\(kind.rawValue) \(target.isLatest ? "" : target.qualifier ?? "")"
    }

    func attempted(_ entry: OutboxEntry, _ attempt: DeliveryAttempt) {
        let words = entry.note.split(separator: " ", omittingEmptySubsequences: false)
        guard attempt.failure != nil, words.count == 2, let kind = Kind(rawValue: String(words[0])),
            let function = FunctionTarget(arn: entry.parcel.sender.source)?.key
        else { return }
        let series = LambdaSeries(
            account: function.account, region: function.region, function: function.name,
            qualifier: words[1].isEmpty ? nil : String(words[1]))
        LambdaMeters(series, meters: meters, clock: clock)
            .record(kind == .deadLetters ? .deadLetterErrors : .destinationDeliveryFailures)
    }

    func givenUp(_: OutboxEntry, _: DeliveryFailure, attempts _: Int) -> [OutboxEntry] { [] }
}
