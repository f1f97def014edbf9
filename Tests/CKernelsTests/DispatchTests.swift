import CKernels
import Testing

@Suite struct DispatchTests {
    @Test func `levels of this architecture`() {
        #expect(Level.supported.contains(.scalar))
        #expect(cairn_kernel_level_supported(cairn_level(rawValue: 4)) == 0)
        #if arch(x86_64)
        #expect(!Level.supported.contains(.neon))
        #expect(Level.supported.contains(.avx2) || !Level.supported.contains(.avx512))
        #elseif arch(arm64)
        #expect(Level.supported == [.scalar, .neon])
        #endif
    }

    @Test func `the level of the process is supported and stays`() {
        let level = cairn_kernel_level()
        #expect(cairn_kernel_level_supported(level) != 0)
        #expect(cairn_kernel_level() == level)
    }

    @Test(arguments: Level.allCases)
    func `kernels exist for supported levels only`(_ level: Level) {
        let supported = Level.supported.contains(level)
        #expect((unsafe cairn_count_less_at(level.cValue) != nil) == supported)
        for metric in Metric.allCases {
            for scalar in Scalar.allCases {
                for dimensions in [1, 128, 65536] {
                    let kernel = unsafe cairn_distances_at(level.cValue, metric.cValue, scalar.cValue, dimensions)
                    #expect((unsafe kernel != nil) == supported)
                }
            }
        }
    }

    @Test func `the process's kernels are those of its level`() {
        let level = cairn_kernel_level()
        #expect(unsafe address(cairn_count_less()) == address(cairn_count_less_at(level)))
        for metric in Metric.allCases {
            for scalar in Scalar.allCases {
                for dimensions in [100, 128] {
                    let kernel = unsafe cairn_distances(metric.cValue, scalar.cValue, dimensions)
                    let atLevel = unsafe cairn_distances_at(level, metric.cValue, scalar.cValue, dimensions)
                    #expect(unsafe address(kernel) == address(atLevel) && kernel != nil)
                }
            }
        }
    }

    /// Many threads asking at once all get the same answer (and the thread sanitizer has something to look at).
    @Test func `asked from many threads`() async {
        await withTaskGroup(of: UInt32.self) { group in
            for _ in 0..<64 { group.addTask { cairn_kernel_level().rawValue } }
            for await level in group { #expect(level == cairn_kernel_level().rawValue) }
        }
    }

    private func address<Function>(_ function: Function) -> UInt { unsafe unsafeBitCast(function, to: UInt.self) }
}
