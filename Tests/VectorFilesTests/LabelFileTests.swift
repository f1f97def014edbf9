import SystemPackage
import Testing
import VectorFiles

@Suite struct LabelFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func read(_ text: String, _ name: String = "labels.txt") throws -> [UInt64] {
        try LabelFile.read(directory.file(name, Array(text.utf8)))
    }

    @Test func text() throws {
        #expect(try read("5\n18446744073709551615\n0\n") == [5, .max, 0])
        #expect(try read(" 5\r\n\t007 \r\n\r\n\n") == [5, 7])
        #expect(try read("12") == [12])
        #expect(try read("") == [])
        #expect(try read("\n") == [])
    }

    @Test func `text of several reads`() throws {
        let labels = (0..<30_000).map { UInt64($0) &* 0x9E37_79B9_7F4A_7C15 }
        #expect(try read(labels.map { "\($0)\n" }.joined()) == labels)
        let message = message { _ = try read(labels.map { "\($0)\n" }.joined() + "x") }
        #expect(message.hasPrefix("line 30001 has 'x'"))
    }

    @Test(arguments: [
        ("1\n-2\n", "line 2 is negative"), ("1\n\n2\n", "line 2 is blank"), ("\n\n2\n", "line 1 is blank"),
        ("1\n2\n3 4\n", "line 3 has more than one number"), ("18446744073709551616", "line 1 is above 2^64 - 1"),
        ("99999999999999999999999", "line 1 is above 2^64 - 1"), ("1.5\n", "line 1 has '.'"), ("+1", "line 1 has '+'"),
        ("7\n1-2", "line 2 has '-'"), ("7\n\u{1B}", "line 2 has '\\x1b'"), ("id\n1\n", "line 1 has 'i'"),
    ])
    func `text that is not labels`(text: String, expected: String) {
        #expect(message { _ = try read(text) }.hasPrefix(expected))
    }

    @Test func arrays() throws {
        #expect(try LabelFile.read(fixture("int64")) == [5, UInt64(Int64.max), 0])
        #expect(try LabelFile.read(fixture("uint64")) == [5, .max, 0])
        #expect(message { _ = try LabelFile.read(fixture("uint32")) }.contains("3 columns"))
        #expect(message { _ = try LabelFile.read(fixture("one-dimensional")) }.contains("float32"))
        #expect(message { _ = try LabelFile.read(fixture("written-int32")) }.hasPrefix("row 0,"))
        let path = try directory.file("labels", contents(fixture("int64")))
        #expect(try LabelFile.read(path) == [5, UInt64(Int64.max), 0])
    }

    @Test func `vectors are not labels`() {
        #expect(message { _ = try read("1\n", "labels.ivecs") }.contains("this is .ivecs"))
        #expect(message { _ = try read("1\n", "labels.npy") }.contains("not an .npy file"))
        #expect(message { _ = try LabelFile.read(directory.path) }.contains("directory"))
        #expect(message { _ = try LabelFile.read(directory.path.appending("none")) }.contains("no such file"))
    }
}
