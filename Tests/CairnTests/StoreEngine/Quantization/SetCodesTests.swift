import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Other codes for a store that is there, or none.
@Suite struct SetCodesTests {
    private static let kinds = [VectorStore.Quantization.scalar8, .scalar4]

    @Test func `from each kind to each other`() throws {
        let store = try CodedStore(.none), queries = store.rows(12, seed: 5)
        try store.build(500)
        let opened = try store.open()
        for (number, codes) in [
            VectorStore.Quantization.scalar8, .scalar4, .scalar4, .none, .none, .scalar4, .scalar8, .none,
        ].enumerated() {
            try opened.add(store.rows(2, seed: UInt64(number)), from: 1000 * (number + 1))
            try opened.setQuantization(codes)
            #expect(try opened.configuration.quantization == codes)
            try opened.expectSound(queries, codes: codes != .none)
            #expect(names(in: store.path).contains("codes") == (codes != .none))
            // Durable when it returns.
            let killed = try store.copy("killed")
            let reader = try store.open(.readOnly, at: killed)
            #expect(try reader.configuration.quantization == codes)
            try reader.expectSound(queries, codes: codes != .none)
        }
        #expect(store.makings == 5)
    }

    @Test func `a store that is too small keeps in mind what it is to have`() throws {
        let store = try CodedStore(.none), opened = try store.create()
        try opened.add(store.rows(100), from: 0)
        try opened.setQuantization(.scalar8)
        #expect(try opened.configuration.quantization == .scalar8 && opened.info.quantizationBytes == 0)
        try opened.close()
        let again = try store.open()
        #expect(try again.configuration.quantization == .scalar8 && again.verify().warnings == [])
        try again.add(store.rows(200, seed: 3), from: 500)
        try again.add(store.rows(1, seed: 4), from: 800)
        try again.expectSound(store.rows(12, seed: 5), codes: true)
    }

    /// Searches see one kind or the other, never a mixture, and wait for nothing.
    @Test(.timeLimit(.minutes(2)))
    func `while other threads search and add`() throws {
        let store = try CodedStore(.none), queries = store.rows(8, seed: 5)
        try store.build(900)
        let opened = try store.open(), problems = Problems()
        let exact = try queries.map {
            Set(try opened.search($0, k: 10, options: .init(isExact: true)).map { $0.label })
        }
        withThreads(3) { thread in
            do {
                switch thread {
                case 0:
                    for codes in [
                        VectorStore.Quantization.scalar8, .scalar4, .none, .scalar4, .scalar8, .none, .scalar8,
                    ] {
                        try opened.setQuantization(codes)
                    }
                case 1:
                    // Far from every query.
                    for round in 0..<30 {
                        let rows = store.rows(20, seed: UInt64(round)).map { $0.map { $0 + 50 } }
                        try opened.add(rows, from: 1000 + 20 * round)
                    }
                default:
                    for _ in 0..<60 {
                        for (query, exact) in zip(queries, exact) {
                            let found = try opened.walk(query, width: 80).prefix(10)
                            let hits = exact.intersection(found.map { $0.label }).count
                            if hits < 6 { problems.add("\(hits) of 10") }
                        }
                    }
                }
            } catch {
                problems.add("\(error)")
            }
        }
        #expect(problems.all == [])
        try opened.checkpoint()
        #expect(try opened.configuration.quantization == .scalar8)
        try opened.expectSound(queries, codes: true)
    }

    /// What the handle says is what the file says, whoever came last.
    @Test func `two threads set different codes`() throws {
        let store = try CodedStore(.none)
        try store.build(300)
        let opened = try store.open(), problems = Problems()
        for _ in 0..<10 {
            withThreads(2) { thread in
                do {
                    for _ in 0..<3 { try opened.setQuantization(thread == 0 ? .scalar8 : .scalar4) }
                } catch {
                    problems.add("\(error)")
                }
            }
            let header = try #require(CodedStore.header(store.path))
            #expect(try opened.configuration.quantization.stored == header.kind)
        }
        #expect(problems.all == [])
    }

    @Test func `a handle that may not, and one that is closed`() throws {
        let store = try CodedStore(.scalar8)
        try store.build(300)
        let before = try snapshot(store.path)
        let reader = try store.open(.readOnly)
        #expect(storeError { try reader.setQuantization(.scalar4) }?.code == .readOnly)
        #expect(try reader.info.quantizationBytes > 0 && reader.configuration.quantization == .scalar8)
        #expect(try snapshot(store.path) == before)
        try reader.close()
        #expect(storeError { try reader.setQuantization(.scalar4) }?.code == .closed)
        let writer = try store.open()
        try writer.close()
        #expect(storeError { try writer.setQuantization(.scalar4) }?.code == .closed)
    }

    @Test func `what cannot have codes says why`() throws {
        unsafe VectorStore.registerDistance("codes-manhattan") { a, b in
            let left = unsafe a.bindMemory(to: Float.self)
            let right = unsafe b.bindMemory(to: Float.self)
            var sum: Float = 0
            for index in 0..<left.count { sum += unsafe abs(left[index] - right[index]) }
            return sum
        }
        for codes in Self.kinds {
            let store = try CodedStore(codes, metric: .custom(name: "codes-manhattan"))
            let error = storeError { _ = try store.create() }
            #expect(error?.code == .invalidArgument && error?.message.contains("codes-manhattan") == true)
            #expect(names(in: store.directory.path) == [])
            #expect(storeError { _ = try VectorStore(inMemory: store.configuration) }?.code == .invalidArgument)
            let plain = try CodedStore(.none, metric: .custom(name: "codes-manhattan"))
            try plain.build(300)
            #expect(storeError { try plain.open().setQuantization(codes) }?.code == .invalidArgument)
            try plain.open().setQuantization(.none)
        }
        for scalar in [VectorStore.Scalar.uint8, .int8] {
            let store = try CodedStore(.scalar8, scalar: scalar)
            let error = storeError { try store.build(300) }
            #expect(error?.code == .invalidArgument && error?.message.contains("sq4") == true)
            let plain = try CodedStore(.none, scalar: scalar)
            try plain.build(300)
            let opened = try plain.open()
            #expect(storeError { try opened.setQuantization(.scalar8) }?.code == .invalidArgument)
            #expect(try opened.configuration.quantization == .none)
            try opened.setQuantization(.scalar4)
            try opened.expectSound(plain.rows(10, seed: 5), codes: true)
        }
    }

    /// A header from a later program, or a damaged one: nothing to go by, and no error.
    @Test(arguments: [1, 3, 200] as [UInt8])
    func `a header that names codes the store cannot have`(stored: UInt8) throws {
        let store = try CodedStore(.none, scalar: .uint8)
        try store.build(300)
        var bytes = try readBytes(store.path.appending("level0"))
        for offset in HeaderSlot.offsets {
            bytes[offset + 136] = stored
            let checksum = Checksum.crc32c(Array(bytes[offset..<offset + 512]), prefix: 508)
            bytes.replaceSubrange(
                offset + 508..<offset + 512, with: (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) })
        }
        try writeBytes(bytes, to: store.path.appending("level0"))
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
            let opened = try store.open(access)
            #expect(try opened.configuration.quantization == .none)
            #expect(try opened.verify().problems == [])
            #expect(try opened.recall(store.rows(10, seed: 5)) > 0.93)
            try opened.close()
        }
    }

    @Test(arguments: kinds, [VectorStore.Metric.l2, .cosine])
    func `the same calls give the same bytes, whatever the threads`(
        codes: VectorStore.Quantization, metric: VectorStore.Metric
    ) throws {
        func bytes(_ threads: Int) throws -> [[UInt8]] {
            let store = try CodedStore(codes, dimensions: 40, metric: metric)
            try store.build(900, threads: threads)
            var found = [try readBytes(CodedStore.file(store.path))]
            let opened = try VectorStore.open(
                at: store.path, options: .init(access: .readWrite, threads: threads), calls: .withoutSyncs)
            try opened.add(
                store.rows(300, seed: 3).flatMap { $0 }, labels: (1000..<1300).map { Label($0) }, threads: threads)
            try opened.erase((0..<100).map { Label($0) })
            try opened.checkpoint()
            try opened.add(
                store.rows(60, seed: 4).flatMap { $0 }, labels: (2000..<2060).map { Label($0) }, threads: threads)
            try opened.checkpoint()
            found.append(try readBytes(CodedStore.file(store.path)))
            try opened.setQuantization(codes)
            found.append(try readBytes(CodedStore.file(store.path)))
            found.append(Array(try readBytes(store.path.appending("level0"))[Geometry.prologue...]))
            try opened.close()
            // Identifiers are random, and the checksum is over them too.
            return found.map { Array($0[..<16] + $0[32..<508] + $0[512...]) }
        }
        let one = try bytes(1)
        #expect(try bytes(1) == one)
        #expect(try bytes(3) == one)
    }
}
