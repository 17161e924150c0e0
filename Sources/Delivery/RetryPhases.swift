import Glibc

/// Retries in four phases, as SNS's delivery policies have them: at once, with the shortest pause, with pauses that
/// grow, and with the longest one for all that remain.
///
/// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
package struct RetryPhases: Sendable, Hashable {
    /// How pauses grow from the shortest to the longest.
    package enum Growth: String, Sendable, Hashable, CaseIterable {
        case linear, arithmetic, geometric, exponential

        /// How far along a pause is, 0 at first and 1 at last.
        ///
        /// AWS shows the shapes of its functions but gives no formulas: these have the shapes and the ends.
        ///
        /// - Parameters:
        ///   - step: 0 to `last`.
        ///   - ratio: Of the longest to the shortest pause, at least 1.
        fileprivate func progress(_ step: Int, of last: Int, ratio: Double) -> Double {
            let (step, last) = (Double(step), Double(last))
            switch self {
            case .linear: return step / last
            case .arithmetic: return step * (step + 1) / (last * (last + 1))
            case .geometric: return ratio > 1 ? (pow(ratio, step / last) - 1) / (ratio - 1) : step / last
            // Doubling goes beyond what a number holds, long after it makes a difference.
            case .exponential: return last > 500 ? pow(2, step - last) : (pow(2, step) - 1) / (pow(2, last) - 1)
            }
        }
    }

    /// How many retries come at once.
    package var immediate: Int
    /// How many follow with the shortest pause.
    package var steady: Int
    /// How many after these with growing ones.
    package var growing: Int
    package var growth: Growth

    package init(immediate: Int = 0, steady: Int = 0, growing: Int = 0, growth: Growth = .linear) {
        self.immediate = immediate
        self.steady = steady
        self.growing = growing
        self.growth = growth
    }

    /// - Parameter retry: Which one it is, from 1.
    func pause(before retry: Int, from shortest: Int64, to longest: Int64) -> Int64 {
        let later = retry - immediate
        if later <= 0 { return 0 }
        if later <= steady { return shortest }
        let step = later - steady - 1
        guard step < growing else { return longest }
        guard growing > 1 else { return shortest }
        let span = Double(max(0, longest - shortest))
        let ratio = Double(longest) / Double(max(1, shortest))
        return shortest + Int64((growth.progress(step, of: growing - 1, ratio: ratio) * span).rounded())
    }

    // MARK: As text, in the outbox

    var text: String { "\(immediate) \(steady) \(growing) \(growth.rawValue)" }

    init?(text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 4, let immediate = Int(parts[0]), let steady = Int(parts[1]), let growing = Int(parts[2]),
            let growth = Growth(rawValue: String(parts[3]))
        else { return nil }
        self.init(immediate: immediate, steady: steady, growing: growing, growth: growth)
    }
}
