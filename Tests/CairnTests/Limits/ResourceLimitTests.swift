import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc

/// What the system may refuse a process, each in a process of its own: an answer or an error that says what to do, never a signal.
@Suite struct ResourceLimitTests {
    /// A store of 600 vectors, and more vectors to add.
    private struct Sample {
        let directory: TemporaryDirectory
        let path: FilePath
        let more: [Float]

        init() throws {
            directory = try TemporaryDirectory()
            path = directory.appending("store")
            let elements = seededVectors(count: 700, dimensions: 24, seed: 4)
            more = Array(elements.suffix(100 * 24))
            try VectorStore.build(
                at: path, configuration: .init(dimensions: 24, m: 8, efConstruction: 30, quantization: .scalar8),
                vectors: Array(elements.prefix(600 * 24)), options: .init(threads: 1))
        }

        func open(_ access: VectorStore.OpenOptions.Access = .readWrite) throws(StoreError) -> VectorStore {
            try VectorStore.open(at: path, options: .init(access: access, threads: 2))
        }

        /// Adds the vectors under labels from `label` on, searches, checks and closes.
        func use(adding label: Label) throws(StoreError) {
            let store = try open()
            try store.add(more, labels: (0..<100).map { label + $0 })
            _ = try store.search(Array(more.prefix(24)), k: 10)
            _ = try store.search(batch: more, k: 10, threads: 2)
            try store.checkpoint()
            let report = try store.verify()
            #expect(report.isSound, "\(report.problems)")
            try store.close()
        }

        /// That nothing was lost of `count` vectors.
        func expectWhole(_ count: Int) throws {
            let store = try open()
            #expect(try store.verify().problems == [])
            #expect(try store.count >= count)
            try store.close()
        }
    }

    private static func setLimit(_ resource: __rlimit_resource, to value: rlim_t?) {
        var limit = rlimit()
        precondition(unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0)
        limit.rlim_cur = value ?? limit.rlim_max
        precondition(unsafe setrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0)
    }

    @Test func `few addresses`() async {
        await #expect(processExitsWith: .success) {
            let sample = try Sample()
            var count = 600, failures = 0
            for (number, further) in [6, 10, 20, 40, 80, 160, 320, 1000].enumerated() {
                try limitAddresses(toFurther: further << 20)
                do throws(StoreError) {
                    try sample.use(adding: Label(1000 * (number + 1)))
                    count += 100
                } catch {
                    failures += 1
                    #expect(error.code == .full && error.message.contains("ulimit -v"), "\(further) MiB: \(error)")
                }
                ResourceLimitTests.setLimit(RLIMIT_AS, to: nil)
            }
            #expect(failures > 0 && count > 600)
            try sample.expectWhole(count)
        }
    }

    @Test func `files that may not become long`() async {
        await #expect(processExitsWith: .success) {
            let sample = try Sample()
            // Its longest file has some hundred KiB.
            ResourceLimitTests.setLimit(RLIMIT_FSIZE, to: 300 << 10)
            var count = 600, thrown: StoreError?
            let store = try sample.open()
            while thrown == nil && count < 100_000 {
                do throws(StoreError) {
                    try store.add(sample.more, labels: (0..<100).map { Label(count + $0) })
                    count += 100
                } catch {
                    thrown = error
                }
            }
            #expect(
                thrown?.code == .full && thrown?.message.contains("ulimit -f") == true, "\(String(describing: thrown))")
            #expect(try store.count == count)
            #expect(try store.search(Array(sample.more.prefix(24)), k: 10).count == 10)
            try store.close()
            let built = sample.directory.appending("built")
            let error = storeError {
                try VectorStore.build(
                    at: built, configuration: .init(dimensions: 24),
                    vectors: seededVectors(count: 8000, dimensions: 24, seed: 1))
            }
            #expect(error?.code == .full)
            #expect(names(in: sample.directory.path) == ["store"])
            ResourceLimitTests.setLimit(RLIMIT_FSIZE, to: nil)
            try sample.expectWhole(count)
        }
    }

    @Test func `few open files`() async {
        await #expect(processExitsWith: .success) {
            let sample = try Sample()
            var opened: [FileDescriptor] = [], failures = 0, count = 600
            ResourceLimitTests.setLimit(RLIMIT_NOFILE, to: 64)
            while let file = try? FileDescriptor.open(FilePath("/dev/null"), .readOnly) { opened.append(file) }
            // One more each time.
            for number in 0..<24 {
                do throws(StoreError) {
                    try sample.use(adding: Label(1000 * (number + 1)))
                    count += 100
                } catch {
                    failures += 1
                    // An issue of another process comes without its words.
                    let isTold = error.code == .full && error.message.contains("ulimit -n")
                    if !isTold { print("with \(number) open files: \(error)") }
                    #expect(isTold)
                }
                if let file = opened.popLast() { try file.close() }
            }
            print("\(failures) of 24 failed")
            #expect(failures > 2 && count > 600)
            try sample.expectWhole(count)
        }
    }
}
#endif
