import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// A writer that changes nothing makes derived files again that are missing or damaged: what `verify` promises.
@Suite struct MendedFileTests {
    private let store: CodedStore

    init() throws {
        store = try CodedStore(.scalar8)
        try store.build(300)
    }

    enum Writer: CaseIterable {
        case checkpoint, close, searchWidth, change

        func run(_ store: VectorStore) throws {
            switch self {
            case .checkpoint: try store.checkpoint()
            case .close: break
            case .searchWidth: try store.setEF(70)
            case .change: try store.markDeleted([7])
            }
        }
    }

    enum Damage: CaseIterable {
        case missing, empty, cut, beginning, end

        func apply(to file: FilePath) throws {
            var bytes = try readBytes(file)
            switch self {
            case .missing: return removeTree(file)
            case .empty: bytes = []
            case .cut: bytes.removeLast(bytes.count / 3)
            case .beginning: bytes[40] ^= 1
            // A page of labels that no change of the test comes to.
            case .end: bytes[bytes.count - 9] ^= 1
            }
            try writeBytes(bytes, to: file)
        }
    }

    /// What `verify` says of a file.
    private func remarks(_ path: FilePath, _ name: String) throws -> [String] {
        try remarks(VectorStore.open(at: path), name)
    }

    private func remarks(_ store: VectorStore, _ name: String) throws -> [String] {
        let report = try store.verify(depth: .checksums), subject = name == "codes" ? "quantization" : name
        return (report.problems + report.warnings).filter { $0.hasPrefix("\(subject): the file") }
    }

    @Test(arguments: ["upper", "labels", "codes"], Writer.allCases)
    func `any writer mends them`(name: String, writer: Writer) throws {
        for damage in Damage.allCases {
            let path = try store.copy("damaged")
            try damage.apply(to: path.appending(name))
            // Codes at the end of the file are those of slots that are not in use.
            guard name != "codes" || damage != .end else { continue }
            #expect(try remarks(path, name).count == 1, "\(damage)")
            let opened = try store.open(at: path)
            try writer.run(opened)
            if writer == .checkpoint { #expect(try remarks(opened, name) == [], "\(damage), before it is closed") }
            try opened.close()
            #expect(try remarks(path, name) == [], "\(damage)")
            let again = try VectorStore.open(at: path)
            #expect(try again.verify().isSound)
            for label in Label(0)..<300 { #expect(try again.contains(label) == (writer != .change || label != 7)) }
        }
    }

    @Test func `all of them at once, and readers write nothing`() throws {
        for name in ["upper", "labels", "codes"] { removeTree(store.path.appending(name)) }
        try store.open(.readOnly).close()
        #expect(names(in: store.path) == ["level0", "lock"])
        let opened = try store.open()
        try opened.checkpoint()
        #expect(try opened.verify().problems == [])
        try opened.close()
        #expect(names(in: store.path) == ["codes", "labels", "level0", "lock", "upper"])
        #expect(try store.open(.readOnly).verify().warnings == [])
    }

    @Test func `a sound file is not written again`() throws {
        let before = try readBytes(store.path.appending("labels"))
        let opened = try store.open()
        try opened.checkpoint()
        try opened.checkpoint()
        try opened.close()
        #expect(store.system.count(.open, "labels.new") == 0 && store.system.count(.open, "upper.new") == 0)
        #expect(try readBytes(store.path.appending("labels")) == before)
    }

    /// What is derived can wait.
    @Test func `without room for it the store stays as it is`() throws {
        removeTree(store.path.appending("labels"))
        let opened = try store.open()
        store.system.fail(.open, "labels.new", with: .noSpace)
        #expect(storeError { try opened.checkpoint() }?.code == .full)
        try opened.markDeleted([3])
        store.system.fail(.open, "labels.new", with: nil)
        try opened.checkpoint()
        #expect(try remarks(opened, "labels") == [])
        try opened.close()
        #expect(try store.open(.readOnly).count == 299)
    }
}
