import CKernels
import Testing

@Suite struct CodeDispatchTests {
    @Test(arguments: Level.allCases, Code.allCases)
    func `code kernels exist for supported levels and two metrics`(_ level: Level, _ code: Code) {
        for dimensions in [128, 256, 65536] {
            for metric in Metric.allCases {
                let kernel = unsafe cairn_code_distances_at(level.cValue, metric.cValue, code.cValue, dimensions)
                let exists = Level.supported.contains(level) && metric != .cosine
                #expect((unsafe kernel != nil) == exists)
            }
        }
    }

    @Test(arguments: [Metric.l2, .innerProduct], Code.allCases)
    func `the process's code kernels are those of its level`(_ metric: Metric, _ code: Code) {
        for dimensions in [128, 256] {
            let kernel = unsafe cairn_code_distances(metric.cValue, code.cValue, dimensions)
            let atLevel = unsafe cairn_code_distances_at(cairn_kernel_level(), metric.cValue, code.cValue, dimensions)
            #expect(unsafe kernel != nil && address(kernel) == address(atLevel))
        }
    }

    @Test func `a query's values begin after 64 bytes`() {
        #expect(MemoryLayout<cairn_code_query>.size == 64)
        #expect(MemoryLayout<cairn_code_query>.offset(of: \.scale) == 0)
        #expect(MemoryLayout<cairn_code_query>.offset(of: \.offset) == 4)
        #expect(MemoryLayout<cairn_code_query>.offset(of: \.levels) == 8)
    }

    private func address<Function>(_ function: Function) -> UInt { unsafe unsafeBitCast(function, to: UInt.self) }
}
