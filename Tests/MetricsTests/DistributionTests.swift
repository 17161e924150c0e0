import Metrics
import TestSupport
import Testing

@Suite struct DistributionTests {
    /// Random samples of several shapes: few values, many, both signs, whole numbers, far apart.
    private static func samples(_ shape: Int, _ count: Int, _ random: inout SeededGenerator) -> [Double] {
        (0..<count).map { _ in
            switch shape {
            case 0: Double(Int.random(in: 0...1, using: &random))
            case 1: Double(Int.random(in: 0..<100_000, using: &random))
            case 2: Double.random(in: -1000...1000, using: &random)
            case 3:
                Double.random(in: 0...1, using: &random)
                    * .init(sign: .plus, exponent: Int.random(in: -300...300, using: &random), significand: 1)
            default: -Double(Int.random(in: 0..<3000, using: &random))
            }
        }
    }

    private static func of(_ samples: [Double]) -> Distribution {
        var distribution = Distribution()
        for sample in samples { distribution.record(sample) }
        return distribution
    }

    @Test func knowsWhatItWasTold() {
        let distribution = Self.of([3, 1, 2, 2])
        #expect(distribution.sampleCount == 4)
        #expect(distribution.sum == 8)
        #expect(distribution.minimum == 1)
        #expect(distribution.maximum == 3)
        #expect(distribution.average == 2)
        #expect(distribution.values.map(\.value) == [1, 2, 3])
        #expect(distribution.values.map(\.count) == [1, 2, 1])
    }

    @Test func isEmptyAtFirst() {
        var distribution = Distribution()
        distribution.record(.nan)
        distribution.record(.infinity)
        distribution.record(1, count: 0)
        #expect(distribution == Distribution())
        #expect(distribution.isEmpty)
        #expect(distribution.average == nil)
        #expect(distribution.percentile(50) == nil)
        #expect(Distribution(encoded: distribution.encoded()) == distribution)
    }

    @Test func percentilesOfFewValuesAreExact() {
        let distribution = Self.of((1...100).map(Double.init).shuffled())
        for percent in 1...100 { #expect(distribution.percentile(Double(percent)) == Double(percent)) }
        #expect(distribution.percentile(0) == 1)
        #expect(distribution.percentile(99.5) == 100)
        // 0.07 * 100 is more than 7.
        #expect(distribution.percentile(7) == 7)
    }

    @Test(arguments: 0..<5) func percentilesOfManyAreNear(shape: Int) throws {
        var random = SeededGenerator(seed: UInt64(shape) + 1)
        let samples = Self.samples(shape, 20_000, &random).sorted()
        let distribution = Self.of(samples.shuffled(using: &random))
        #expect(distribution.binCount <= Distribution.bucketLimit)
        for percent in stride(from: 0.5, to: 100, by: 0.5) {
            let exact = samples[Int((percent / 100 * 20_000).rounded(.up)) - 1]
            let found = try #require(distribution.percentile(percent))
            // The third shape spans 600 powers of two, for which buckets have to be wider.
            #expect(abs(found - exact) <= exact.magnitude * (shape == 3 ? 0.4 : 0.011), "p\(percent)")
        }
    }

    @Test(arguments: 0..<5) func mergingIsRecordingBoth(shape: Int) {
        var random = SeededGenerator(seed: UInt64(shape) + 100)
        for sizes in [(0, 3), (3, 0), (10, 20), (100, 100), (10, 5000), (5000, 10), (4000, 4000)] {
            let one = Self.samples(shape, sizes.0, &random)
            let other = Self.samples(4 - shape, sizes.1, &random)
            var merged = Self.of(one)
            merged.merge(Self.of(other))
            let together = Self.of(one + other)
            #expect(merged.sampleCount == together.sampleCount)
            #expect(merged.minimum == together.minimum)
            #expect(merged.maximum == together.maximum)
            #expect(merged.values.reduce(0) { $0 + $1.count } == merged.sampleCount)
            #expect(merged.binCount == together.binCount)
            for percent in [1.0, 25, 50, 75, 99] { #expect(merged.percentile(percent) == together.percentile(percent)) }
        }
    }

    @Test func partsOfItAreTrimmed() throws {
        let distribution = Self.of((1...10).map(Double.init))
        let part = try #require(distribution.part(above: 2, through: 8))
        #expect(part.count == 6)
        #expect(part.sum == 33)
        #expect(try #require(distribution.part(above: nil, through: 9)).count == 9)
        #expect(try #require(distribution.part(above: nil, through: nil)).sum == 55)
        #expect(try #require(distribution.sum(clampedTo: 3, 7)) == 52)
        #expect(try #require(distribution.sum(clampedTo: nil, nil)) == 55)
    }

    @Test func ofStatisticsTheValuesAreUnknown() {
        var distribution = Distribution(sampleCount: 10, sum: 50, minimum: 1, maximum: 9)
        #expect(distribution.average == 5)
        #expect(!distribution.hasValues)
        #expect(distribution.percentile(50) == nil)
        distribution.record(20)
        #expect(distribution.sampleCount == 11)
        #expect(distribution.maximum == 20)
        #expect(distribution.part(above: nil, through: 5) == nil)
        #expect(Distribution(encoded: distribution.encoded()) == distribution)
        #expect(Distribution(sampleCount: 3, sum: 6, minimum: 2, maximum: 2).percentile(50) == 2)
    }

    @Test(arguments: 0..<5) func isTheSameFromItsBytes(shape: Int) throws {
        var random = SeededGenerator(seed: UInt64(shape) + 7)
        for count in [1, 2, 150, 151, 3000] {
            var distribution = Self.of(Self.samples(shape, count, &random))
            distribution.record(0.25, count: 0.5)
            let bytes = distribution.encoded()
            #expect(Distribution(encoded: bytes) == distribution)
            #expect(bytes.count <= 60 + distribution.binCount * 17)
        }
    }

    @Test func takesNoOtherBytes() {
        var random = SeededGenerator(seed: 3)
        let bytes = Self.of(Self.samples(1, 1000, &random)).encoded()
        for count in bytes.indices { #expect(Distribution(encoded: bytes.prefix(count)) == nil) }
        #expect(Distribution(encoded: bytes + [0]) == nil)
        for _ in 0..<20_000 {
            var changed = bytes
            changed[Int.random(in: changed.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            guard let distribution = Distribution(encoded: changed) else { continue }
            // Whatever was taken can be used.
            _ = distribution.percentile(50)
            _ = Distribution(encoded: distribution.encoded())
        }
    }
}
