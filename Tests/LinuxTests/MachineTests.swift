import Testing

@testable import Linux

/// Lines as the kernel writes them (proc_loadavg(5), proc_meminfo(5)).
@Suite struct MachineTests {
    @Test func readsHowManyThreadsRun() {
        #expect(Processors.runnable(in: "0.32 0.93 1.88 3/154 4374\n") == 3)
        #expect(Processors.runnable(in: "") == nil)
        // Whoever asks runs.
        #expect((Processors.runnable() ?? 1) >= 1)
    }

    @Test func readsHowMuchMemoryThereIs() throws {
        #expect(MachineMemory.total(in: "MemTotal:       24589012 kB\nMemFree:          811236 kB\n") == 24_589_012)
        #expect(MachineMemory.total(in: "MemFree: 1 kB\n") == nil)
        #expect(try #require(MachineMemory.mebibytes()) > 0)
    }
}
