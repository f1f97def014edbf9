import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// System calls that fail while codes are made or kept up.
@Suite struct CodeFaultTests {
    /// What fails, each as it does.
    static let faults: [(SystemCall, Errno)] = [
        (.open, .ioError), (.pwrite, .noSpace), (.allocate, .noSpace), (.synchronize, .ioError), (.rename, .ioError),
        (.map, .noMemory), (.status, .ioError), (.unlink, .ioError), (.pread, .ioError), (.synchronize, .noSpace),
    ]
    private let store: CodedStore
    private let queries: [[Float]]

    init() throws {
        store = try CodedStore(.scalar4)
        queries = store.rows(2, seed: 5)
    }

    private func open(_ path: FilePath, _ calls: SystemCalls) throws(StoreError) -> VectorStore {
        try VectorStore.open(at: path, options: .init(access: .readWrite, threads: 1), calls: calls)
    }

    /// The store is sound, and so is what a killed process would leave of it.
    private func expectUsable(_ opened: VectorStore, _ path: FilePath, count: Int, _ comment: Comment) throws {
        #expect(try opened.count == count, comment)
        #expect(try opened.recall(queries) >= 0.7, comment)
        // Where writing ended in the middle of a checkpoint the files are between two states.
        if (try? opened.synchronize()) != nil { #expect(try opened.verify().problems == [], comment) }
        let killed = store.directory.appending("killed")
        removeTree(killed)
        try copyStore(from: path, to: killed)
        try? opened.close()
        for path in [killed, path] {
            let reader = try store.open(.readOnly, at: path)
            #expect(try reader.verify().problems == [] && reader.count >= count, comment)
            #expect(try reader.recall(queries) >= 0.7, comment)
            try reader.close()
            let writer = try store.open(at: path)
            let codes = try writer.configuration.quantization
            try writer.expectSound(queries, codes: codes != .none, least: 0.7, comment)
            try writer.close()
            #expect(try (store.open(.readOnly, at: path).info.quantizationBytes > 0) == (codes != .none), comment)
        }
    }

    @Test(arguments: faults)
    func `setting codes`(call: SystemCall, error: Errno) throws {
        try store.build(260)
        for kind in [VectorStore.Quantization.scalar8, .scalar4, .none] {
            var number = 1
            while number < 60 {
                let path = try store.copy("faulty")
                let armed = LateFault(call, error), opened = try open(path, armed.calls)
                try opened.add(store.rows(3, seed: 7), from: 1000)
                armed.arm(number)
                let result = Result { try opened.setQuantization(kind) }
                let hasFired = armed.hasFired
                armed.arm(nil)
                switch result {
                case .success: #expect(try opened.configuration.quantization == kind)
                case .failure(let thrown):
                    #expect((thrown as? StoreError)?.systemError == error, "\(call) \(number): \(thrown)")
                    #expect(try opened.configuration.quantization == .scalar4)
                }
                try expectUsable(opened, path, count: 263, "\(kind), \(call) \(number)")
                if !hasFired { break }
                number += 1
            }
            #expect(number < 60)
        }
    }

    /// Codes that become due while a batch is made: the batch succeeds, or fails as any other.
    @Test(arguments: faults)
    func `codes that become due`(call: SystemCall, error: Errno) throws {
        try store.build(260)
        // Trained on 260, so due at 1040.
        do {
            let opened = try store.open()
            try opened.add(store.rows(300, seed: 3), from: 1000)
            #expect(store.makings == 0)
            let copy = try store.copy("due")
            try opened.close()
            removeTree(store.path)
            try copyStore(from: copy, to: store.path)
        }
        var number = 1
        while number < 80 {
            // Labels are looked up one by one, and read for each.
            let path = try store.copy("faulty"), armed = LateFault(call, error, exceptOf: "labels")
            // As a reader's file is lost: nothing is due when it is opened.
            armed.arm(nil)
            let opened = try open(path, armed.calls)
            try opened.setQuantization(.none)
            try opened.setQuantization(.scalar4)
            try opened.update(store.rows(100, seed: 4).flatMap { $0 }, labels: (0..<100).map { Label($0) })
            armed.arm(number)
            let far = store.rows(1040, seed: 8).map { $0.map { $0 * 20 } }
            var added = 560
            for first in stride(from: 0, to: 1040, by: 520) {
                if (try? opened.add(Array(far[first..<first + 520]), from: 5000 + first)) != nil { added += 520 }
            }
            if (try? opened.add([store.rows(1, seed: 9)[0]], from: 9000)) != nil { added += 1 }
            let hasFired = armed.hasFired
            armed.arm(nil)
            try expectUsable(opened, path, count: added, "\(call) \(number)")
            if !hasFired { break }
            number += 1
        }
        #expect(number < 80)
    }

    /// The new file has its name, but nobody knows whether it keeps it; and the file that is written from then on must be the one
    /// that has the name.
    @Test func `a directory that cannot be synced`() throws {
        try store.build(400)
        let armed = LateFault(.synchronize, .ioError, of: "store"), opened = try open(store.path, armed.calls)
        try opened.add(store.rows(3, seed: 7), from: 1000)
        armed.arm(1)
        #expect(storeError { try opened.setQuantization(.scalar4) }?.systemError == .ioError)
        #expect(armed.hasFired)
        armed.arm(nil)
        // Either nothing more is written, or what is written is right.
        _ = try? opened.add(store.rows(300, seed: 8), from: 2000)
        _ = try? opened.checkpoint()
        let count = try opened.count
        try expectUsable(opened, store.path, count: count, "")
    }

    /// A disk that is full from some moment on: batches fail and are undone, nothing is lost.
    @Test func `a disk that is full when rows are written`() throws {
        try store.build(400)
        for (call, name) in [(SystemCall.allocate, "codes"), (.pwrite, "codes")] {
            let path = try store.copy("full"), opened = try store.open(at: path)
            store.system.fail(call, name, with: .noSpace)
            var failures = 0, count = 400
            for round in 0..<14 {
                do {
                    try opened.add(store.rows(500, seed: UInt64(round)), from: 1000 * (round + 1))
                    count += 500
                } catch {
                    #expect(error as? StoreError != nil && (error as? StoreError)?.code == .full)
                    failures += 1
                    if failures == 2 { store.system.fail(call, name, with: nil) }
                }
            }
            store.system.fail(call, name, with: nil)
            #expect(failures > 0)
            try expectUsable(opened, path, count: count, "\(call)")
        }
    }
}
