import Foundation
import Testing

@Suite("cairn delete")
struct DeleteTests {
    private struct Summary: Decodable, Equatable { let changed, count, deleted, free: Int }

    private let workspace: Workspace
    private let vectors: TestVectors

    /// A store of the labels 0 to 99, and `some.txt` with the labels 20 to 49.
    init() throws {
        workspace = try Workspace()
        vectors = try workspace.buildStore(count: 100)
        try workspace.write("some.txt", labels: 20..<50)
    }

    /// The labels nearest to the vectors of some rows.
    private func nearest(_ rows: Range<Int>) throws -> [Int] {
        struct Answers: Decodable { let labels: [[Int]] }
        try workspace.write("q.npy", bytes: TestVectors(Array(vectors.rows[rows])).npy)
        return try workspace.json(Answers.self, "search", "@store", "@q.npy", "-k", "1").labels.flatMap(\.self)
    }

    @Test func `marked vectors are not found, and come back`() throws {
        let marked = try workspace.cairn("delete", "@store", "--labels", "@some.txt")
        #expect(marked.code == 0 && marked.errors == "")
        #expect(marked.lines == ["\(workspace.path("store")): 30 vectors marked deleted, 70 in all"])
        #expect(try workspace.counts() == Counts(70, deleted: 30))
        #expect(try nearest(20..<50).allSatisfy { !(20..<50).contains($0) })
        #expect(try workspace.cairn("get", "@store", "20").code == 1)
        #expect(try workspace.cairn("labels", "@store").lines == (Array(0..<20) + Array(50..<100)).map { "\($0)" })
        #expect(try workspace.cairn("verify", "@store").code == 0)

        let back = try workspace.cairn("delete", "@store", "--labels", "@some.txt", "--undo")
        #expect(back.lines == ["\(workspace.path("store")): 30 vectors brought back, 100 in all"])
        #expect(try workspace.counts() == Counts(100))
        #expect(try nearest(0..<100) == Array(0..<100))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `erased vectors are gone, marked ones too`() throws {
        #expect(try workspace.cairn("delete", "@store", "20", "21", "--quiet").output == "")
        let erased = try workspace.cairn("delete", "@store", "--labels", "@some.txt", "--erase")
        #expect(erased.lines == ["\(workspace.path("store")): 30 vectors erased, 70 in all"])
        #expect(try workspace.counts() == Counts(70, free: 30))
        #expect(try workspace.cairn("delete", "@store", "20", "--undo").code == 1)
        #expect(try nearest(20..<50).allSatisfy { !(20..<50).contains($0) })
        #expect(try nearest(50..<100) == Array(50..<100))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `all of a store can be erased, and filled again`() throws {
        try workspace.write("all.txt", labels: 0..<100)
        let summary = try workspace.json(
            Summary.self, "delete", "@store", "--labels", "@all.txt", "--erase", "--batch", "33")
        #expect(summary == Summary(changed: 100, count: 0, deleted: 0, free: 100))
        #expect(try workspace.cairn("labels", "@store").output == "")
        #expect(try workspace.cairn("verify", "@store").code == 0)
        #expect(try workspace.cairn("add", "@store", "@vectors.npy", "--quiet").code == 0)
        // A slot goes to a vector of its level, and the levels are drawn anew.
        let counts = try workspace.counts()
        #expect(counts.count == 100 && counts.deleted == 0 && counts.free < 20)
        #expect(try nearest(0..<100) == Array(0..<100))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `JSON tells what there is afterwards`() throws {
        #expect(
            try workspace.json(Summary.self, "delete", "@store", "1", "2", "3", "--durability", "none")
                == Summary(changed: 3, count: 97, deleted: 3, free: 0))
        #expect(
            try workspace.json(Summary.self, "delete", "@store", "1", "--undo")
                == Summary(changed: 1, count: 98, deleted: 2, free: 0))
        #expect(
            try workspace.json(Summary.self, "delete", "@store", "3", "4", "--erase")
                == Summary(changed: 2, count: 97, deleted: 1, free: 2))
    }

    @Test(
        "a label that is not in the right state is named, and nothing is changed",
        arguments: [
            (["0", "777"], "label 777 is not in the store"),
            (["0", "5"], "label 5 is marked deleted already"),
            (["5", "0", "--undo"], "label 0 is not marked deleted"),
            (["0", "777", "--erase"], "label 777 is not in the store"),
        ])
    func refused(arguments: [String], message: String) throws {
        #expect(try workspace.cairn("delete", "@store", "5", "--quiet").code == 0)
        let text = try workspace.cairn(["delete", "@store"] + arguments)
        #expect(text.code == 1 && text.output == "")
        #expect(text.errors == "cairn: error: \(workspace.path("store")): \(message); nothing was changed\n")
        let json = try workspace.cairn(["delete", "@store"] + arguments + ["--output", "json"])
        #expect(json.code == 1 && json.output == "")
        let error = try ErrorDocument(json.errors).error
        #expect(error.code == "unknownLabel" && error.path == workspace.path("store") && error.changed == 0)
        #expect(try workspace.counts() == Counts(99, deleted: 1))
    }

    @Test(arguments: [[], ["--undo"], ["--erase"], ["--batch", "1"]])
    func `a label given twice is refused before anything is changed`(options: [String]) throws {
        let text = try workspace.cairn(["delete", "@store", "50", "7", "50"] + options)
        #expect(text.code == 1 && text.output == "")
        #expect(text.errors == "cairn: error: label 50 is given twice; nothing was changed\n")
        try workspace.write("twice.txt", labels: [50, 7, 8, 7])
        let json = try workspace.cairn(["delete", "@store", "--labels", "@twice.txt", "--output", "json"] + options)
        let error = try ErrorDocument(json.errors).error
        #expect(error.code == "duplicateLabel" && error.path == workspace.path("twice.txt") && error.changed == 0)
        #expect(error.message.hasPrefix("label 7 is given twice"))
        #expect(try workspace.counts() == Counts(100))
    }

    @Test(
        "options that exclude each other are named",
        arguments: [
            (["18", "--labels", "@some.txt"], "give labels, or a file of them with --labels, not both\n"),
            (["18", "--undo", "--erase"], "--undo and --erase exclude each other\n"),
        ])
    func exclusive(arguments: [String], message: String) throws {
        let outcome = try workspace.cairn(["delete", "@store"] + arguments)
        #expect(outcome.code == 64 && outcome.errors.hasPrefix("cairn: error: " + message), "\(outcome.errors)")
    }

    @Test func `labels marked deleted are listed, and come back`() throws {
        #expect(try workspace.cairn("labels", "@store", "--deleted").output == "")
        #expect(try workspace.cairn("delete", "@store", "--labels", "@some.txt", "--quiet").code == 0)
        #expect(try workspace.cairn("delete", "@store", "21", "60", "--erase", "--quiet").code == 0)
        #expect(try workspace.cairn("delete", "@store", "49", "--undo", "--quiet").code == 0)
        let marked = [20] + Array(22..<49)
        let listed = try workspace.cairn("labels", "@store", "--deleted")
        #expect(listed.code == 0 && listed.lines == marked.map { "\($0)" })
        struct Labels: Decodable { let labels: [Int] }
        #expect(try workspace.json(Labels.self, "labels", "@store", "--deleted").labels == marked)
        try workspace.write("deleted.txt", listed.output)
        #expect(try workspace.cairn("delete", "@store", "--labels", "@deleted.txt", "--undo", "--quiet").code == 0)
        #expect(try workspace.counts() == Counts(98, free: 2))
        #expect(try workspace.cairn("labels", "@store", "--deleted").output == "")
    }

    @Test func `the batches before an unknown label stay`() throws {
        try workspace.write("bad.txt", labels: Array(0..<25) + [777])
        let text = try workspace.cairn("delete", "@store", "--labels", "@bad.txt", "--batch", "10")
        #expect(text.code == 1)
        #expect(
            text.errors
                == "cairn: error: \(workspace.path("bad.txt")): label 777 is not in the store; "
                + "the first 20 labels were changed\n")
        #expect(try workspace.counts() == Counts(80, deleted: 20))
        try workspace.write("bad.txt", labels: Array(30..<45) + [777])
        let json = try workspace.cairn(
            "delete", "@store", "--labels", "@bad.txt", "--batch", "10", "--output", "json", "--erase")
        #expect(try ErrorDocument(json.errors).error.changed == 10)
        #expect(try workspace.counts() == Counts(70, deleted: 20, free: 10))
    }
}
