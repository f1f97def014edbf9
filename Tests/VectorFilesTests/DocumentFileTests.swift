import SystemPackage
import Testing
import VectorFiles

@Suite struct DocumentFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func read(_ text: String, _ name: String = "documents.txt") throws -> DocumentFile.Content {
        try DocumentFile.read(directory.file(name, Array(text.utf8)))
    }

    @Test func text() throws {
        #expect(try read("5\n18446744073709551615\n0\n") == .inOrder([5, .max, 0]))
        #expect(try read(" 5\t\r\n7") == .inOrder([5, 7]))
        #expect(try read("5 6\n 7\t \t8 \r\n\n") == .pairs([(5, 6), (7, 8)]))
        #expect(try read("18446744073709551615 18446744073709551615") == .pairs([(.max, .max)]))
        #expect(try read("") == .inOrder([]))
        #expect(try read("\n\n") == .inOrder([]))
    }

    @Test func `text of several reads`() throws {
        let numbers = (0..<30_000).map { UInt64($0) &* 0x9E37_79B9_7F4A_7C15 }
        let text = numbers.enumerated().map { "\($0) \($1)\n" }.joined()
        #expect(try read(text) == .pairs(numbers.enumerated().map { (UInt64($0), $1) }))
        #expect(message { _ = try read(text + "1") }.hasPrefix("line 30001 has one number, the first line has 2"))
    }

    @Test(arguments: [
        ("1 2\n3\n", "line 2 has one number, the first line has 2"), ("1\n2 3\n", "line 2 has more than one number"),
        ("1 2\n3 4 5\n", "line 2 has more than 2 numbers"), ("1 2 3", "line 1 has more than 2 numbers"),
        ("1 2\n\n3 4\n", "line 2 is blank"), ("1 18446744073709551616", "line 1 is above 2^64 - 1"),
        ("1 -2", "line 1 is negative"), ("1;2", "line 1 has ';'"),
    ])
    func `text that is neither`(text: String, expected: String) {
        #expect(message { _ = try read(text) }.hasPrefix(expected))
    }

    @Test func arrays() throws {
        #expect(try DocumentFile.read(fixture("uint64")) == .inOrder([5, .max, 0]))
        #expect(message { _ = try DocumentFile.read(fixture("uint32")) }.contains("3 columns"))
        #expect(message { _ = try DocumentFile.read(fixture("float16")) }.contains("integers"))
        var header = Array("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }".utf8)
        header += [UInt8](repeating: 0x20, count: 117 - header.count) + [0x0A]
        let path = try directory.file(
            "pairs.npy", [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + header + [1, 2, 3, 4])
        #expect(try DocumentFile.read(path) == .pairs([(1, 2), (3, 4)]))
    }

    @Test func `vectors are not documents`() {
        #expect(message { _ = try read("1\n", "documents.fvecs") }.contains("this is .fvecs"))
        #expect(message { _ = try read("1\n", "documents.npy") }.contains("not an .npy file"))
        #expect(message { _ = try DocumentFile.read(directory.path.appending("none")) }.contains("no such file"))
    }
}
