import SystemPackage
import TestSupport
import Testing

@testable import Cairn

@Suite struct LabelErrorTests {
    @Test func `a label that stands twice is refused with its rows`() throws {
        let directory = try TemporaryDirectory()
        let error = storeError {
            try VectorStore.build(
                at: directory.appending("store"), configuration: .init(dimensions: 1), vectors: [1, 2, 3, 4],
                labels: [9, 8, 7, 8])
        }
        #expect(error?.code == .duplicateLabel)
        #expect(error?.message.contains("label 8") == true && error?.message.contains("rows 1 and 3") == true)
        #expect(names(in: directory.path) == [])
    }

    @Test(arguments: [[], [1], [1, 2, 3]] as [[Label]])
    func `another number of labels than of vectors is refused`(labels: [Label]) throws {
        let directory = try TemporaryDirectory()
        let error = storeError {
            try VectorStore.build(
                at: directory.appending("store"), configuration: .init(dimensions: 1), vectors: [1, 2], labels: labels)
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("\(labels.count) labels for 2 vectors") == true)
        #expect(names(in: directory.path) == [])
    }

    @Test func `an addition with a duplicate changes nothing`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 1))
        try store.add([1, 2, 3], labels: [1, 2, 3])
        let own = storeError { try store.add([4, 5, 6], labels: [4, 5, 4]) }
        #expect(own?.code == .duplicateLabel && own?.message.contains("row 2") == true)
        let old = storeError { try store.add([4, 5, 6], labels: [4, 2, 5]) }
        #expect(old?.code == .duplicateLabel && old?.message.contains("label 2 (row 1)") == true)
        #expect(try store.allLabels() == [1, 2, 3])
        #expect(try store.vector(for: 2) == [2])
        #expect(try !store.contains(4))
        try store.add([4], labels: [4])
        #expect(try store.vector(for: 4) == [4])
    }

    @Test func `a build refuses what stands there already`() throws {
        let directory = try TemporaryDirectory(), fixture = try StoreFixture(10)
        let before = try readBytes(fixture.path.appending("level0"))
        #expect(
            storeError { try VectorStore.build(at: fixture.path, configuration: .init(dimensions: 1), vectors: [1]) }?
                .code
                == .alreadyExists)
        #expect(try readBytes(fixture.path.appending("level0")) == before)
        let file = directory.appending("file")
        try writeBytes([1, 2, 3], to: file)
        let error = storeError { try VectorStore.build(at: file, configuration: .init(dimensions: 1), vectors: [1]) }
        #expect(error?.code == .alreadyExists && error?.path == file)
        #expect(try readBytes(file) == [1, 2, 3])
        #expect(names(in: directory.path) == ["file"])
    }

    @Test func `a build into a directory that is not there says so`() throws {
        let directory = try TemporaryDirectory()
        let error = storeError {
            try VectorStore.build(
                at: directory.appending("missing/store"), configuration: .init(dimensions: 1), vectors: [1])
        }
        #expect(error?.code == .notFound && error?.path == directory.appending("missing"))
        #expect(names(in: directory.path) == [])
    }
}
