import Synchronization
import Testing
import TestSupport

@testable import Fleet

/// How many may run, and how fast they may come. The figures are those of the developer guide, "Understanding Lambda
/// function scaling": ten requests a second for each that may run at once; a thousand environments in ten seconds.
@Suite struct InvocationGateTests {
    private static let second: UInt64 = 1_000_000

    @Test func asManyRunAsMay() {
        let gate = InvocationGate()
        for _ in 0..<3 { #expect(gate.enter(limit: 3, rate: 30, now: 5) == .passed) }
        #expect(gate.enter(limit: 3, rate: 30, now: 5) == .full)
        #expect(gate.running == 3)
        gate.leave()
        #expect(gate.enter(limit: 3, rate: 30, now: 5) == .passed)
        #expect(gate.enter(limit: 0, rate: 0, now: 5) == .full)
        #expect(gate.enter(limit: -1, rate: -10, now: 5) == .full)
        gate.add()
        #expect(gate.running == 4)
    }

    @Test func aSecondsWorthMayComeAtOnceAndThenTheRate() {
        let gate = InvocationGate()
        func pass(_ now: UInt64) -> Bool {
            guard gate.enter(limit: 1, rate: 10, now: now) == .passed else { return false }
            gate.leave()
            return true
        }
        let start = 77 * Self.second
        for _ in 0..<10 { #expect(pass(start)) }
        #expect(!pass(start))
        #expect(!pass(start + 99_999))
        #expect(pass(start + 100_000))
        #expect(!pass(start + 100_000))
        // A pause earns one second's worth and no more.
        for _ in 0..<10 { #expect(pass(start + 60 * Self.second)) }
        #expect(!pass(start + 60 * Self.second))
        // A clock that is read a little late by one thread lets nobody through.
        #expect(!pass(start + 60 * Self.second - 4000))
    }

    /// The time has 44 bits: it wraps after 200 days, and what is older than that is no hindrance.
    @Test(arguments: [0, 1, 1 << 43, (1 << 44) - 1, 1 << 44, (1 << 44) + 500_000, 1 << 50] as [UInt64])
    func theTimeMayWrap(start: UInt64) {
        let gate = InvocationGate()
        var passed = 0
        for step in 0..<20 as Range<UInt64>
        where gate.enter(limit: 100, rate: 10, now: start + step * 50_000) == .passed {
            passed += 1
        }
        // Ten at once, and one for each tenth of the second that passes.
        #expect(passed == 19)
        #expect(gate.enter(limit: 100, rate: 10, now: start + (1 << 43)) == .passed)
    }

    /// Against a model that keeps a list of times.
    @Test(arguments: 0..<20 as Range<UInt64>) func randomRequestsKeepBothLimits(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let limit = Int.random(in: 1...8, using: &generator)
        let rate = limit * 10
        let gate = InvocationGate()
        var (now, running, passed) = (UInt64.random(in: 0...1 << 45, using: &generator), 0, [UInt64]())
        for _ in 0..<3000 {
            now += UInt64.random(in: 0...30_000, using: &generator)
            if running > 0, Bool.random(using: &generator) {
                gate.leave()
                running -= 1
            }
            switch gate.enter(limit: limit, rate: rate, now: now) {
            case .passed:
                running += 1
                passed.append(now)
            case .full: #expect(running == limit)
            case .tooFast: #expect(passed.suffix(rate).count == rate)
            }
            #expect(running <= limit)
            // Within any second no more than two seconds' worth, and over all time the rate.
            #expect(passed.reversed().prefix { $0 + Self.second > now }.count <= 2 * rate)
        }
        let taken = Double(now - (passed.first ?? now)) / Double(Self.second)
        #expect(Double(passed.count) <= Double(rate) * (taken + 1) + 1)
        #expect(gate.running == running)
    }

    @Test func manyThreadsLoseNothing() async {
        let gate = Gate()
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var passed = 0
                    for _ in 0..<2000 where gate.gate.enter(limit: 5, rate: .max, now: 9) == .passed {
                        passed += 1
                        gate.gate.leave()
                    }
                    return passed
                }
            }
            var passed = 0
            for await count in group { passed += count }
            #expect(passed > 0)
        }
        #expect(gate.gate.running == 0)
    }

    @Test func aThousandEnvironmentsMayStartAtOnceAndThenAHundredASecond() {
        let burst = BurstLimit()
        func starts(_ now: UInt64) -> Int {
            var count = 0
            while burst.admit(1000, window: 10 * Self.second, now: now) { count += 1 }
            return count
        }
        let start = 5 * Self.second
        #expect(starts(start) == 1000)
        #expect(starts(start + Self.second) == 100)
        #expect(starts(start + 3 * Self.second) == 200)
        // What is not used is not kept for later.
        #expect(starts(start + 100 * Self.second) == 1000)
        let isAdmitted = burst.admit(0, window: 10, now: 1 << 60)
        #expect(!isAdmitted)
    }
}

private final class Gate: Sendable { let gate = InvocationGate() }

/// Where an invocation counts.
@Suite struct PermitTests {
    private let account = AccountConcurrency(limit: 5)
    private let function = FunctionConcurrency()

    private func version(available: Int = 0) -> VersionConcurrency {
        let version = VersionConcurrency(account: account, function: function)
        version.setAvailable(available)
        return version
    }

    private func take(_ version: VersionConcurrency, rate: Int = 1000) throws -> Permit {
        try Permit.take(version, rate: rate, now: 1)
    }

    @Test func provisionedConcurrencyComesFirstAndSpillsOver() throws {
        let version = version(available: 2)
        let permits = try (0..<4).map { _ in try take(version) }
        #expect(permits.map(\.isProvisioned) == [true, true, false, false])
        #expect(account.unreserved.running == 2)
        #expect(account.total.load(ordering: .relaxed) == 4)
        permits[0].release()
        #expect(try take(version).isProvisioned)
        for permit in permits[1...] { permit.release() }
        #expect(account.unreserved.running == 0)
        #expect(function.onDemand.running == 0)
        #expect(version.provisioned.running == 1)
        #expect(account.total.load(ordering: .relaxed) == 1)
    }

    /// "spills over into on-demand concurrency after 10 concurrency or 100 requests per second, whichever first".
    @Test func whatIsTooFastForItSpillsOverAsWell() throws {
        let version = version(available: 1)
        var provisioned = 0
        for _ in 0..<12 {
            let permit = try take(version, rate: 10)
            if permit.isProvisioned { provisioned += 1 }
            permit.release()
        }
        #expect(provisioned == 10)
    }

    /// localstack's test_lambda_concurrency_block: with all of a reservation provisioned, nothing runs on demand.
    @Test func itComesOutOfTheReservation() throws {
        function.reserved.store(3, ordering: .relaxed)
        let (first, second) = (version(available: 2), version(available: 1))
        let latest = version()
        #expect(throws: FleetError.throttled(reason: "ReservedFunctionConcurrentInvocationLimitExceeded")) {
            try take(latest)
        }
        #expect(try take(first).isProvisioned)
        #expect(try take(second).isProvisioned)
        #expect(throws: FleetError.throttled(reason: "ReservedFunctionConcurrentInvocationLimitExceeded")) {
            try take(second)
        }
        first.setAvailable(1)
        #expect(try take(latest).isProvisioned == false)
    }

    @Test func everyRateHasItsReason() throws {
        let version = version()
        for _ in 0..<10 { try take(version, rate: 2).release() }
        #expect(throws: FleetError.throttled(reason: "FunctionInvocationRateLimitExceeded")) {
            try take(version, rate: 2)
        }
        function.reserved.store(1, ordering: .relaxed)
        for _ in 0..<2 { try take(version, rate: 2).release() }
        #expect(throws: FleetError.throttled(reason: "ReservedFunctionInvocationRateLimitExceeded")) {
            try take(version, rate: 2)
        }
        #expect(account.total.load(ordering: .relaxed) == 0)
    }

    @Test func whatFunctionsClaimIsTakenFromTheAccount() {
        let ledger = ConcurrencyLedger(limit: 1000)
        func left() -> Int {
            ledger.counters(account: "1", region: "r", function: "x").0.unreservedLimit.load(ordering: .relaxed)
        }
        ledger.provision(account: "1", region: "r", function: "f", concurrency: 30)
        #expect(left() == 970)
        // A function's provisioned concurrency is part of its reservation.
        ledger.reserve(account: "1", region: "r", function: "f", concurrency: 40)
        #expect(left() == 960)
        ledger.reserve(account: "1", region: "r", function: "g", concurrency: 0)
        #expect(left() == 960)
        ledger.provision(account: "1", region: "r", function: "f", concurrency: 10)
        #expect(left() == 960)
        ledger.reserve(account: "1", region: "r", function: "f", concurrency: nil)
        #expect(left() == 990)
        ledger.provision(account: "1", region: "other", function: "f", concurrency: 10)
        #expect(left() == 990)
        ledger.provision(account: "1", region: "r", function: "f", concurrency: 0)
        #expect(left() == 1000)
    }
}
