import Allocation
import Testing

@testable import Cairn

@Suite("Processors that may be used")
struct ProcessorBudgetTests {
    @Test(
        "a quota of time is that of so many processors, rounded up",
        arguments: [
            ("100000 100000\n", 1), ("150000 100000\n", 2), ("200000 100000", 2), ("400000 50000", 8), ("1 100000", 1),
            ("max 100000\n", nil), ("-1\n 100000\n", nil), ("", nil), (" ", nil), ("0 100000", nil), ("5 0", nil),
            ("a b", nil),
        ])
    func quota(text: String, processors: Int?) { #expect(ProcessorBudget.processors(ofQuota: text) == processors) }

    @Test(
        "those that the process may not run on do not count",
        arguments: [
            ("Name:\tx\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n", 2), ("Cpus_allowed:\tff,ffffffff\n", 40),
            ("Cpus_allowed:\t8", 1),
            ("Cpus_allowed:\t00000000,80000001\n", 2), ("Cpus_allowed_list:\t0-1\n", nil), ("Cpus_allowed:\t0\n", nil),
            ("", nil),
        ])
    func affinity(status: String, processors: Int?) {
        #expect(ProcessorBudget.processors(inStatus: status) == processors)
    }

    #if os(Linux)
    @Test("the system tells them")
    func system() throws {
        let status = ControlGroup.text("/proc/self/status")
        #expect(try #require(ProcessorBudget.processors(inStatus: status)) >= ProcessorBudget.current)
    }
    #endif

    @Test("there is one at least")
    func least() { #expect(ProcessorBudget.count >= 1 && VectorStore.teamSize(nil, rows: 0) == 1) }
}
