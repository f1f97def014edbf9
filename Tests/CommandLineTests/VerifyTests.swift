import Foundation
import Testing

@Suite("cairn verify")
struct VerifyTests {
    private struct Finding: Decodable {
        let ok: Bool
        let depth: String
        let problems: [String]
        let unreachable, missed, count, deleted, free: Int?
        let unreachable_labels, damaged_labels: [UInt64]
        let damaged_pages: [Page]

        struct Page: Decodable {
            let byte: Int
            let content: String
            let labels: [UInt64]
        }
    }

    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        _ = try workspace.buildStore(count: 300)
    }

    /// What is found in JSON, and the exit code.
    private func verify(_ options: String...) throws -> (finding: Finding, code: Int32) {
        let outcome = try workspace.cairn(["verify", "@store", "--output", "json"] + options)
        #expect(outcome.errors == "" && outcome.lines.count == 1)
        return (try JSONDecoder().decode(Finding.self, from: Data(outcome.output.utf8)), outcome.code)
    }

    private func flip(_ offsets: some Sequence<Int>, of name: String) throws {
        var bytes = try workspace.bytes(name)
        for offset in offsets { bytes[offset] ^= 0x55 }
        try workspace.write(name, bytes: bytes)
    }

    /// Where the vector of a row stands in level0.
    private func offset(ofRow row: Int) throws -> Int {
        let all = try workspace.bytes("vectors.npy").dropFirst(128)
        let vector = Array(all.dropFirst(row * 32).prefix(32)), bytes = try workspace.bytes("store/level0")
        return try #require(
            stride(from: 0, to: bytes.count - 32, by: 32).first { bytes[$0..<$0 + 32].elementsEqual(vector) })
    }

    @Test func `labels are not written into a store`() throws {
        let before = try workspace.state(of: "store")
        let outcome = try workspace.cairn("verify", "@store", "--save-labels", "@store/level0")
        #expect(outcome.code == 1 && outcome.errors.contains("this is a store"))
        #expect(try workspace.state(of: "store") == before)
    }

    @Test(arguments: [
        ["info"], ["get", "3"], ["labels"], ["verify"], ["set", "--ef", "60"], ["delete", "5"], ["quantize", "none"],
        ["checkpoint"],
        ["repair"],
    ])
    func `every command takes --memory`(command: [String]) throws {
        let arguments = [command[0], "@store"] + command.dropFirst() + ["--memory", "64K"]
        let outcome = try workspace.cairn(arguments)
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        if command == ["info"] { #expect(outcome.output.contains("paged")) }
        #expect(try workspace.cairn(arguments.dropLast() + ["64X"]).code == 64)
    }

    @Test(arguments: ["header", "checksums", "graph", "searches"])
    func `a sound store is ok at every depth, and nothing is written`(depth: String) throws {
        #expect(try workspace.cairn("delete", "@store", "7", "8", "--quiet").code == 0)
        #expect(try workspace.cairn("delete", "@store", "9", "--erase", "--quiet").code == 0)
        let before = try workspace.state(of: "store")
        let text = try workspace.cairn("verify", "@store", "--depth", depth)
        #expect(text.code == 0 && text.errors == "" && text.lines.count == 1)
        let facts = "\(workspace.path("store")): ok, 297 vectors, 2 marked deleted, 1 free slot: "
        #expect(text.lines.first?.hasPrefix(facts) == true)
        #expect(text.output.contains("checksums") == (depth != "header"))
        #expect(text.output.contains("graph") == ["graph", "searches"].contains(depth))
        #expect(try workspace.cairn("verify", "@store", "--depth", depth, "--quiet").output == "")

        let (finding, code) = try verify("--depth", depth)
        #expect(code == 0 && finding.ok && finding.depth == depth && finding.problems == [])
        #expect(finding.unreachable == (["graph", "searches"].contains(depth) ? 0 : nil))
        #expect(finding.missed == (depth == "searches" ? 0 : nil))
        #expect(finding.count == 297 && finding.deleted == 2 && finding.free == 1)
        #expect(try workspace.state(of: "store") == before)
    }

    @Test func `the depth is graph unless said otherwise`() throws {
        #expect(try verify().finding.depth == "graph")
    }

    @Test func `one flipped byte is found by its checksum, and named with its place and its labels`() throws {
        // Rows of 64 bytes, of which a page has 64; 150 is on the third page.
        let offset = try offset(ofRow: 150), page = offset / 4096 * 4096, labels = (UInt64(128)..<192).map { $0 }
        try flip([offset + 5], of: "store/level0")
        #expect(try verify("--depth", "header").code == 0)
        let sentence = "level0: the page at byte \(page) (vectors) is damaged: it holds 64 vectors, labels "
        let first = labels.prefix(10).map { "\($0)" }.joined(separator: ", ")
        for depth in ["checksums", "graph"] {
            let (finding, code) = try verify("--depth", depth)
            #expect(code == 2 && !finding.ok)
            #expect(finding.problems == [sentence + first + ", …"])
            #expect(finding.damaged_labels == labels && finding.damaged_pages.count == 1)
            #expect(finding.damaged_pages[0].byte == page && finding.damaged_pages[0].content == "vectors")
            #expect(finding.damaged_pages[0].labels == labels && finding.unreachable_labels == [])
            #expect(finding.count == 300)
        }
        let text = try workspace.cairn("verify", "@store", "--quiet")
        #expect(text.code == 2 && text.errors == "")
        #expect(text.output == "\(workspace.path("store")): \(sentence)\(first), …\n")
        let saving = try workspace.cairn("verify", "@store", "--save-labels", "@l.npy")
        #expect(
            saving.code == 2 && saving.lines.last == "\(workspace.path("store")): 64 vectors damaged, 0 out of reach")
        #expect(try workspace.labels("l.npy", count: 64) == labels)
        #expect(try workspace.cairn("verify", "@store").output.contains("--save-labels writes their labels"))
    }

    @Test func `labels of vectors out of reach go to a file, all of them`() throws {
        try loseLinks()
        let (finding, code) = try verify()
        #expect(code == 2 && finding.unreachable_labels.count == 299 && finding.damaged_labels == [])
        struct Strings: Decodable { let unreachable_labels: [String] }
        let strings = try workspace.cairn("verify", "@store", "--output", "json", "--string-labels")
        #expect(
            try JSONDecoder().decode(Strings.self, from: Data(strings.output.utf8)).unreachable_labels
                == finding.unreachable_labels.map { "\($0)" })
        _ = try workspace.cairn("verify", "@store", "--save-labels", "@l.npy", "--quiet")
        #expect(try workspace.labels("l.npy", count: 299) == finding.unreachable_labels.sorted())
        let gone = try workspace.cairn("delete", "@store", "--labels", "@l.npy", "--quiet")
        #expect(gone.code == 0, "\(gone.errors)")
    }

    /// The change is in the log, and only the checkpoint fails; the next writer cannot even open the store.
    @Test func `a change of a store with a damaged page says whether it was made`() throws {
        try flip([try offset(ofRow: 150) + 5], of: "store/level0")
        let made = try workspace.cairn("delete", "@store", "150")
        #expect(
            made.code == 2 && made.errors.hasSuffix("; the changes are made, and stay in the log\n"), "\(made.errors)")
        #expect(try workspace.cairn("labels", "@store", "--deleted").lines == ["150"])
        let refused = try workspace.cairn("delete", "@store", "7")
        #expect(refused.code == 2 && refused.errors.hasSuffix("; nothing was changed\n"), "\(refused.errors)")
        #expect(try workspace.cairn("labels", "@store", "--deleted").lines == ["150"])
    }

    @Test func `problems of many pages are listed to a limit`() throws {
        let count = try workspace.bytes("store/level0").count
        try flip(stride(from: 1 << 15, to: count, by: 4096).map { $0 + 77 }, of: "store/level0")
        let text = try workspace.cairn("verify", "@store", "--depth", "checksums")
        #expect(text.code == 2 && text.lines.count > 5 && text.lines.count <= 101)
        #expect(Set(text.lines).count == text.lines.count)
    }

    @Test(arguments: ["upper", "labels"])
    func `a damaged derived file is found, and a writer makes it again`(name: String) throws {
        try flip([5000 % (try workspace.bytes("store/\(name)").count)], of: "store/\(name)")
        let (finding, code) = try verify()
        #expect(code == 2 && finding.problems.count == 1 && finding.problems[0].hasPrefix("\(name): "))
        #expect(finding.unreachable == 0 && finding.count == 300)
        #expect(try workspace.cairn("delete", "@store", "4", "--quiet").code == 0)
        #expect(try verify().code == 0)
    }

    @Test(arguments: ["upper", "labels", "codes"], [["checkpoint"], ["set", "--ef", "70"]])
    func `a derived file that is missing is made again by commands that change nothing`(
        name: String, command: [String]
    ) throws {
        #expect(try workspace.cairn("quantize", "@store", "sq8", "--quiet").code == 0)
        try FileManager.default.removeItem(atPath: workspace.path("store/\(name)"))
        let text = try workspace.cairn("verify", "@store"), subject = name == "codes" ? "quantization" : name
        #expect(text.output.contains("\(subject): the file is missing") && text.output.contains("cairn checkpoint"))
        let arguments = [command[0], "@store", "--quiet"] + command.dropFirst()
        #expect(try workspace.cairn(arguments).code == 0)
        #expect(try workspace.content.contains("store/\(name)"))
        #expect(try !workspace.cairn("verify", "@store").output.contains("the file"))
    }

    /// The store of 300 vectors of 8 dimensions has its link heads at byte 81920, in page 16 of its first segment, whose page
    /// table is at byte 98304 (FORMAT.md).
    private func loseLinks() throws {
        var bytes = try workspace.bytes("store/level0")
        let heads = 81_920..<81_920 + 4096, table = 98_304
        try #require(stored(crc32c(bytes[heads]), equals: bytes[(table + 16 * 8)...]))
        bytes.replaceSubrange(heads, with: repeatElement(0, count: heads.count))
        store(crc32c(bytes[heads]), at: table + 16 * 8, in: &bytes)
        store(crc32c(bytes[table..<table + 4088]), at: table + 4088, in: &bytes)
        try workspace.write("store/level0", bytes: bytes)
    }

    @Test func `links that are lost are found in the graph, though their checksum fits`() throws {
        try loseLinks()
        let (sums, code) = try verify("--depth", "checksums")
        #expect(code == 0 && sums.problems == [] && sums.unreachable == nil)
        let (finding, graphCode) = try verify("--depth", "graph")
        #expect(graphCode == 2 && !finding.ok && finding.unreachable == 299)
        #expect(
            finding.problems.contains { $0.hasPrefix("299 vectors cannot be reached from the entry point (labels ") })
    }

    private struct Repair: Decodable {
        let unreachable, missed, relinked: Int
        let relinked_labels, remaining_labels: [UInt64]
        let files: [String]
    }

    @Test func `repair links what is out of reach, and makes a lost file again`() throws {
        #expect(
            try workspace.cairn("repair", "@store").output == "\(workspace.path("store")): nothing to repair\n")
        try loseLinks()
        try FileManager.default.removeItem(atPath: workspace.path("store/labels"))
        let outcome = try workspace.cairn("repair", "@store", "--threads", "2", "--output", "json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let repair = try JSONDecoder().decode(Repair.self, from: Data(outcome.output.utf8))
        #expect(repair.unreachable == 299 && repair.files == ["labels"] && repair.remaining_labels == [])
        #expect(repair.relinked == repair.relinked_labels.count && repair.relinked >= 299)
        let (finding, code) = try verify("--depth", "searches")
        #expect(code == 0 && finding.unreachable == 0 && finding.missed == 0 && finding.count == 300)
    }

    @Test func `repair tells other damage and changes nothing`() throws {
        try flip([offset(ofRow: 150) + 5], of: "store/level0")
        let before = try workspace.state(of: "store")
        let outcome = try workspace.cairn("repair", "@store")
        #expect(outcome.code == 2 && outcome.errors.contains("a repair does not mend that, and has changed nothing"))
        #expect(try workspace.state(of: "store") == before)
    }

    private func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1) * 0x82F6_3B78 }
        }
    }

    private func store(_ value: UInt32, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(index))) }
    }

    private func stored(_ value: UInt32, equals bytes: ArraySlice<UInt8>) -> Bool {
        bytes.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) } == value
    }

    @Test(arguments: [0, 1])
    func `one damaged superblock is found, and the other one serves`(index: Int) throws {
        try flip([[8192, 12_288][index] + 100], of: "store/level0")
        #expect(try workspace.cairn("info", "@store").code == 0)
        let (finding, code) = try verify("--depth", "header")
        #expect(code == 2)
        #expect(finding.problems == ["level0: superblock \(index) is damaged; the other one is whole"])
    }

    @Test(arguments: [0, 4096], [1, 2])
    func `damage to one header takes nothing back`(offset: Int, changes: Int) throws {
        for label in 0..<changes { #expect(try workspace.cairn("delete", "@store", "\(label)", "--quiet").code == 0) }
        try flip(offset + 16..<offset + 500, of: "store/level0")
        #expect(try workspace.counts() == Counts(300 - changes, deleted: changes))
        let (finding, code) = try verify()
        #expect(code == 0 && finding.count == 300 - changes)
        #expect(try workspace.cairn("delete", "@store", "99", "--quiet").code == 0)
        #expect(try workspace.counts() == Counts(299 - changes, deleted: changes + 1))
        #expect(try verify().code == 0)
    }

    @Test(arguments: ["both headers", "the end"])
    func `a store that cannot be opened is damage and no failure`(part: String) throws {
        var bytes = try workspace.bytes("store/level0")
        if part == "the end" {
            bytes.removeLast(bytes.count / 2)
        } else {
            for index in 16..<8192 { bytes[index] ^= 0x55 }
        }
        try workspace.write("store/level0", bytes: bytes)
        for depth in ["header", "checksums", "graph"] {
            let (finding, code) = try verify("--depth", depth)
            #expect(code == 2 && !finding.ok && finding.problems.count == 1)
            #expect(finding.problems[0].hasPrefix("level0: "))
            #expect(finding.count == nil && finding.unreachable == nil)
        }
        let text = try workspace.cairn("verify", "@store")
        #expect(text.code == 2 && text.errors == "" && text.lines.count == 1)
        #expect(text.output.hasPrefix("\(workspace.path("store")): level0: "))
        #expect(try workspace.bytes("store/level0") == bytes)
    }

    @Test func `a reader that goes away changes nothing about the damage`() throws {
        try flip([try offset(ofRow: 3)], of: "store/level0")
        let errors = workspace.directory.appendingPathComponent("errors")
        let code = try workspace.withClosedPipe {
            try Program.run(workspace.located(["verify", "@store"]), output: .descriptor($0), errors: .file(errors))
        }
        #expect(code == 2)
        #expect(try workspace.bytes("errors") == [])
    }
}
