import CLinux

/// The kernel's random generator, asked once for many numbers: for what every request needs. As unpredictable as the
/// system's own; what was given out is kept nowhere.
package struct BufferedRandom: RandomNumberGenerator {
    package init() {}

    package mutating func next() -> UInt64 {
        var word: UInt64 = 0
        let result = apus_random(&word)
        precondition(result == 0, "getrandom: errno \(-result)")
        return word
    }
}
