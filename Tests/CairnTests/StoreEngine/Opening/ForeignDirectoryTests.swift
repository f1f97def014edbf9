import Cairn
import SystemPackage
import TestSupport
import Testing

/// A build takes the name STORE.building. Whatever stands there that no build left must stay as it is.
@Suite struct ForeignDirectoryTests {
    private let directory: TemporaryDirectory
    private let store: FilePath
    private let draft: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        store = directory.appending("store")
        draft = directory.appending("store.building")
    }

    private func build(at path: FilePath) throws(StoreError) {
        try VectorStore.build(at: path, configuration: .init(dimensions: 2), vectors: [1, 2, 3, 4])
    }

    private func expectRefusal() {
        let error = #expect(throws: StoreError.self) { try build(at: store) }
        #expect(error?.code == .alreadyExists && error?.path == draft)
        #expect(!names(in: directory.path).contains("store"))
    }

    @Test func `somebody's files are left alone`() throws {
        _ = try run(["mkdir", draft.string])
        try writeBytes([1, 2, 3], to: draft.appending("thesis.txt"))
        expectRefusal()
        #expect(try readBytes(draft.appending("thesis.txt")) == [1, 2, 3])
        #expect(names(in: draft) == ["thesis.txt"])
    }

    @Test func `somebody's folders are left alone`() throws {
        _ = try run(["mkdir", "-p", draft.appending("sub").string])
        expectRefusal()
        #expect(names(in: draft) == ["sub"])
    }

    @Test func `a symbolic link is not followed`() throws {
        let victim = directory.appending("victim")
        try build(at: victim)
        _ = try run(["ln", "-s", victim.string, draft.string])
        expectRefusal()
        #expect(try VectorStore.open(at: victim).count == 2)
    }

    @Test func `a finished store of that name is left alone`() throws {
        try build(at: draft)
        expectRefusal()
        #expect(try VectorStore.open(at: draft).count == 2)
    }

    @Test func `a dangling link at the store's own path is refused before anything is built`() throws {
        _ = try run(["ln", "-s", "nowhere", store.string])
        let error = #expect(throws: StoreError.self) { try build(at: store) }
        #expect(error?.code == .alreadyExists && error?.path == store)
    }

    @Test(arguments: ["level0", "upper", "labels", "lock"])
    func `a named pipe in a file's place does not hang`(name: String) throws {
        try build(at: store)
        _ = try run(["rm", store.appending(name).string])
        _ = try run(["mkfifo", store.appending(name).string])
        // The derived files are made again; the others are needed.
        if name == "upper" || name == "labels" {
            #expect(try VectorStore.open(at: store).vector(for: 1) == [3, 4])
        } else {
            #expect(throws: StoreError.self) { try VectorStore.open(at: store) }
        }
    }
}
