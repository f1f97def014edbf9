import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Names in a store that are links to files elsewhere, or no files at all.
@Suite struct StoreLinkTests {
    private let written: WrittenStore
    private let rows: [[Float]]
    private let victim: FilePath

    init() throws {
        written = try WrittenStore()
        rows = written.rows(9)
        let store = try written.create()
        try store.add(rows[0], labels: [0])
        try store.checkpoint()
        try store.add(rows[1], labels: [1])
        try store.close()
        victim = written.directory.appending("victim")
        try writeBytes(Array("not a store's, and long enough to be seen".utf8), to: victim)
    }

    /// Does all that writes.
    private func change(_ label: Label) throws(StoreError) {
        let store = try written.open()
        try store.add(rows[Int(label)], labels: [label])
        try store.checkpoint()
        try store.setEF(20 + Int(label))
        try store.add(rows[Int(label) + 1], labels: [label + 1])
        try store.close()
    }

    @Test(arguments: [
        "lock", "journal", "level0", "upper", "labels", "codes", "journal.new", "upper.new", "labels.new",
    ])
    func `a link leads no write out of the store`(name: String) throws {
        let place = written.path.appending(name), bytes = try readBytes(victim)
        for isSymbolic in [true, false] {
            let backup = try snapshot(written.path)
            removeTree(place)
            #expect(
                isSymbolic
                    ? unsafe symlink(victim.string, place.string) == 0 : unsafe link(victim.string, place.string) == 0)
            // The primary ones are needed, and derived ones are made again.
            do throws(StoreError) {
                try change(2)
                let store = try written.open(.readOnly)
                let labels = try store.allLabels().sorted(), report = try store.verify()
                #expect(labels == [0, 1, 2, 3] && report.problems == [])
            } catch {
                #expect(["lock", "journal", "level0"].contains(name), "\(error)")
                #expect(error.path == place)
            }
            #expect(try readBytes(victim) == bytes)
            removeTree(written.path)
            try restore(backup)
        }
    }

    private func restore(_ files: [String: [UInt8]?]) throws {
        try makeDirectory(written.path)
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            let path = written.path.pushing(FilePath(name))
            if let bytes { try writeBytes(bytes, to: path) } else { try makeDirectory(path) }
        }
    }

    private func makeDirectory(_ path: FilePath) throws {
        try SystemCalls.system.makeDirectory(SystemCalls.workingDirectory, path, 0o777)
    }

    @Test func `a dangling lock makes no file, whoever opens`() throws {
        let target = written.directory.appending("target")
        removeTree(written.path.appending("lock"))
        #expect(unsafe symlink(target.string, written.path.appending("lock").string) == 0)
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
            let error = storeError { _ = try written.open(access) }
            #expect(error?.message.contains("it is a link") == true)
        }
        #expect(!names(in: written.directory.path).contains("target"))
    }

    @Test func `logs elsewhere are neither read nor removed`() throws {
        let elsewhere = written.directory.appending("elsewhere"), log = written.path.appending("log")
        #expect(unsafe rename(log.string, elsewhere.string) == 0)
        try writeBytes([1], to: elsewhere.appending("00000000000000ff.wal"))
        #expect(unsafe symlink(elsewhere.string, log.string) == 0)
        let before = try snapshot(elsewhere)
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
            #expect(storeError { _ = try written.open(access) }?.path == log)
        }
        #expect(try snapshot(elsewhere) == before)
    }

    @Test func `a copy made of hard links is not changed by changes of the store`() throws {
        let store = try written.open(), copy = written.directory.appending("copy")
        try store.add(rows[2], labels: [2])
        try store.checkpoint()
        try store.add(rows[3], labels: [3])
        try makeDirectory(copy)
        // Not level0, which an open store writes in place.
        try makeDirectory(copy.appending("log"))
        var linked: [FilePath] = []
        for name in names(in: written.path.appending("log")) {
            let path = FilePath("log/" + name)
            #expect(unsafe link(written.path.pushing(path).string, copy.pushing(path).string) == 0)
            linked.append(path)
        }
        #expect(unsafe link(written.path.appending("upper").string, copy.appending("upper").string) == 0)
        // The log that is written to gets what comes until the checkpoint, and is not used again.
        for label in 4..<8 {
            try store.checkpoint()
            let before = try snapshot(copy)
            try store.add(rows[label], labels: [Label(label)])
            try store.checkpoint()
            #expect(try snapshot(copy) == before)
        }
        try store.close()
        #expect(try written.open(.readOnly).allLabels().count == 8)
        #expect(linked.count == 2)
    }

    @Test(arguments: ["labels", "upper", "labels.new", "upper.new"])
    func `a directory that has the name of a derived file is no reason to fail without changes either`(
        name: String
    ) throws {
        let place = written.path.appending(name)
        for isEmpty in [true, false] {
            for file in ["labels", "upper", name] { removeTree(written.path.appending(file)) }
            try makeDirectory(place)
            if !isEmpty { try writeBytes([7], to: place.appending("mine")) }
            let store = try written.open()
            try store.checkpoint()
            try store.close()
            if isEmpty {
                #expect(try written.open(.readOnly).verify().problems == [])
            } else {
                #expect(try readBytes(place.appending("mine")) == [7])
                #expect(try written.open(.readOnly).allLabels().sorted() == [0, 1])
            }
        }
    }

    @Test(arguments: ["labels", "upper", "codes", "labels.new", "upper.new", "codes.new", "journal.new"])
    func `a directory that has the name of a derived file is no reason to fail`(name: String) throws {
        let place = written.path.appending(name)
        for isEmpty in [true, false] {
            removeTree(place)
            try makeDirectory(place)
            if !isEmpty { try writeBytes([7], to: place.appending("mine")) }
            if name == "journal.new" && !isEmpty {
                #expect(storeError { try change(4) }?.path == place)
            } else {
                try change(isEmpty ? 2 : 4)
                let store = try written.open(.readOnly)
                #expect(try store.allLabels().sorted() == (isEmpty ? [0, 1, 2, 3] : [0, 1, 2, 3, 4, 5]))
                for label: Label in [0, 1, 2, 3] { #expect(try store.vector(for: label) == rows[Int(label)]) }
                try store.close()
            }
            #expect(try isEmpty || readBytes(place.appending("mine")) == [7])
        }
    }
}
