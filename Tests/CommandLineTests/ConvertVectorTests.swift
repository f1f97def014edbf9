import Foundation
import Testing

@Suite("cairn convert: vectors")
struct ConvertVectorTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// Rows of whole numbers, which every type holds.
    private static let whole = TestVectors([[0, 1, 2], [100, 126, 127], [7, 8, 9], [1, 1, 1]])

    @Test(
        "every format becomes every other, and comes back as it was",
        arguments: ["npy", "fvecs", "bvecs", "ivecs", "fbin", "u8bin", "i8bin", "ibin"])
    func allPairs(format: String) throws {
        try workspace.write("in.npy", bytes: Self.whole.npy)
        let first = try workspace.convert("@in.npy", "@a.\(format)")
        #expect(first.from == "npy" && first.to == format && !first.dry_run)
        #expect(first.count == 4 && first.deleted == 0 && first.dimensions == 3)
        #expect(first.metric == nil && first.m == nil && first.ef_construction == nil && first.byte_identical == nil)
        #expect(first.lost == [] && first.warnings == [])
        #expect(try first.bytes_read == workspace.bytes("in.npy").count)
        #expect(try first.bytes_written == workspace.bytes("a.\(format)").count)
        for other in ["npy", "fvecs", "bvecs", "ivecs", "fbin", "u8bin", "i8bin", "ibin"] {
            let made = try workspace.convert("@a.\(format)", "@b.\(other)", "--force")
            #expect(
                made.lost == []
                    && made.warnings.isEmpty
                        == !(format.hasPrefix("i") && format != "i8bin" && ["fvecs", "fbin"].contains(other))
            )
            #expect(try workspace.convert("@b.\(other)", "@c.fbin", "--force").from == other)
            let content = try workspace.bytes("c.fbin")
            #expect(Array(content[..<8]) == bytes(UInt32(4)) + bytes(UInt32(3)))
            #expect(Array(content[8...]) == Self.whole.rows.joined().flatMap { bytes($0.bitPattern) })
        }
    }

    @Test(".npy keeps the type, unless --scalar names one")
    func types() throws {
        try workspace.write("in.npy", bytes: Npy.file(shape: [2, 2], [0, 255, 3, 4] as [UInt8]))
        #expect(try workspace.convert("@in.npy", "@same.npy").scalar == "u8")
        #expect(try workspace.bytes("same.npy") == workspace.bytes("in.npy"))
        #expect(try workspace.convert("@in.npy", "@f.npy", "--scalar", "f32").scalar == "f32")
        #expect(try workspace.floats("f.npy", shape: [2, 2]) == [0, 255, 3, 4])
        let half = try workspace.convert("@f.npy", "@h.npy", "--scalar", "f16")
        #expect(half.scalar == "f16" && half.lost == [] && half.warnings.count == 1 && half.warnings[0].contains("11"))
        #expect(try Npy.values(workspace.bytes("h.npy"), type: "<f2", shape: [2, 2]) == [0, 0x5BF8, 0x4200, 0x4400])
        #expect(try workspace.convert("@h.npy", "@i.ibin").scalar == "i32")
    }

    @Test("whole numbers beyond 24 bits stay exact among files of whole numbers")
    func wide() throws {
        try workspace.write("in.npy", bytes: Npy.file(shape: [2, 1], [16_777_217, -16_777_219] as [Int32]))
        for format in ["ivecs", "ibin"] {
            #expect(try workspace.convert("@in.npy", "@a.\(format)").lost == [])
            #expect(try workspace.convert("@a.\(format)", "@b.npy", "--force").scalar == "i32")
            #expect(try workspace.bytes("b.npy") == workspace.bytes("in.npy"))
        }
        try workspace.write("u.npy", bytes: Npy.header("<u8", [2, 1]) + bytes(UInt64.max) + bytes(UInt64(1) << 63))
        #expect(try workspace.convert("@u.npy", "@v.npy").scalar == "u64")
        #expect(try workspace.bytes("v.npy") == workspace.bytes("u.npy"))
        #expect(
            try workspace.failure(converting: "@u.npy", "@d.ibin", code: 1).message
                .contains("row 0 has 18446744073709551615"))
        let rounded = try workspace.convert("@in.npy", "@c.fbin")
        #expect(rounded.warnings.count == 1 && rounded.warnings[0].contains("16777216"))
        #expect(
            try workspace.failure(converting: "@in.npy", "@d.u8bin", code: 1).message.contains("row 0 has 16777217"))
    }

    @Test(
        "a value that OUT cannot hold is named, and nothing is written",
        arguments: [("u8bin", Float(256)), ("i8bin", -129), ("bvecs", 0.5), ("ibin", 3e9), ("ivecs", .nan)])
    func range(format: String, value: Float) throws {
        var vectors = Self.whole
        vectors.rows[2][1] = value
        try workspace.write("in.npy", bytes: vectors.npy)
        let error = try workspace.failure(converting: "@in.npy", "@out.\(format)", code: 1)
        let dry = try workspace.failure(converting: "@in.npy", "@out.\(format)", "--dry-run", code: 1)
        #expect(dry.message == error.message && dry.path == error.path)
        #expect(error.code == "invalidArgument" && error.path == workspace.path("out.\(format)"))
        #expect(error.message.hasPrefix("row 2 has \(value) at component 1, both counted from 0: "))
    }

    @Test("halves that overflow are an error")
    func overflow() throws {
        try workspace.write("in.npy", bytes: TestVectors([[1, 70_000]]).npy)
        let error = try workspace.failure(converting: "@in.npy", "@out.npy", "--scalar", "f16", code: 1)
        #expect(error.message.contains("row 0 has 70000.0 at component 1"))
    }

    @Test("a large file goes through in blocks")
    func large() throws {
        // 8 MB: more than a block.
        let vectors = TestVectors(count: 20_000, dimensions: 100, seed: 3)
        try workspace.write("in.npy", bytes: vectors.npy)
        #expect(try workspace.convert("@in.npy", "@a.fvecs").count == 20_000)
        #expect(try workspace.convert("@a.fvecs", "@back.npy").count == 20_000)
        #expect(try workspace.bytes("back.npy") == workspace.bytes("in.npy"))
    }

    @Test("no rows: where the format can say it")
    func empty() throws {
        try workspace.write("in.npy", bytes: TestVectors([[1, 2]]).npyOfShape(0, 2).prefix(128).map { $0 })
        #expect(try workspace.convert("@in.npy", "@a.fbin").count == 0)
        #expect(try workspace.convert("@a.fbin", "@b.npy").dimensions == 2)
        let error = try workspace.failure(converting: "@in.npy", "@a.fvecs", code: 1)
        #expect(error.message.contains("write .npy"))
    }

    @Test("content comes before the extension, and --from before both")
    func recognition() throws {
        try workspace.write("array.fvecs", bytes: Self.whole.npy)
        #expect(try workspace.convert("@array.fvecs", "@a.npy").from == "npy")
        #expect(try workspace.convert("@a.npy", "@rows.fbin").to == "fbin")
        try workspace.write("rows.dat", bytes: workspace.bytes("rows.fbin"))
        #expect(try workspace.convert("@rows.dat", "@b.npy", "--from", "fbin").from == "fbin")
        #expect(try workspace.convert("@rows.dat", "@b.dat", "--from", "fbin", "--to", "npy").to == "npy")
        #expect(try workspace.bytes("b.npy") == workspace.bytes("a.npy"))
        #expect(try workspace.bytes("b.dat") == workspace.bytes("a.npy"))
        let error = try workspace.failure(converting: "@rows.dat", "@c.npy", code: 1)
        #expect(error.message.contains("--from") && error.path == workspace.path("rows.dat"))
    }

    @Test("vectors become a store of their own type, with labels")
    func store() throws {
        try workspace.write("in.npy", bytes: Npy.file(shape: [3, 2], [0, 255, 3, 4, 5, 6] as [UInt8]))
        try workspace.write("labels.txt", labels: [70, 5, 9])
        let made = try workspace.convert(
            "@in.npy", "@s.cairn", "--metric", "l2", "--labels", "@labels.txt", "-M", "8", "--ef-construction", "60",
            "--threads", "1", "--memory", "1G")
        #expect(made.to == "cairn" && made.metric == "l2" && made.scalar == "u8" && made.lost == [])
        #expect(made.m == 8 && made.ef_construction == 60 && made.count == 3 && made.bytes_written > 0)
        #expect(try workspace.cairn("get", "@s.cairn", "70", "9").lines == ["70 0 255", "9 5 6"])
        #expect(try workspace.cairn("verify", "@s.cairn").code == 0)
        #expect(try workspace.convert("@in.npy", "@f.cairn", "--metric", "ip", "--scalar", "f32").scalar == "f32")
    }

    @Test("vectors become an hnswlib index that becomes a store that answers alike")
    func index() throws {
        let vectors = TestVectors(count: 300, dimensions: 6, seed: 8)
        try workspace.write("in.npy", bytes: vectors.npy)
        try workspace.write("labels.npy", bytes: Npy.file(shape: [300], (0..<300).map { Int32(1000 + $0) }))
        let made = try workspace.convert(
            "@in.npy", "@i.bin", "--metric", "l2", "--labels", "@labels.npy", "--max-elements", "500", "-M", "6")
        #expect(made.to == "hnswlib" && made.scalar == "f32" && made.m == 6 && made.byte_identical == false)
        #expect(try made.bytes_written == workspace.bytes("i.bin").count)
        // What is written on the way is gone.
        #expect(try workspace.content == ["i.bin", "in.npy", "labels.npy"])
        #expect(try workspace.bytes("i.bin")[8..<24].elementsEqual(bytes(UInt64(500)) + bytes(UInt64(300))))
        #expect(try workspace.convert("@i.bin", "@s.cairn", "--metric", "l2").count == 300)
        #expect(try workspace.cairn("verify", "@s.cairn").code == 0)
        struct Found: Decodable { let labels: [[Int]] }
        let found = try workspace.json(Found.self, "search", "@s.cairn", "@in.npy", "-k", "1", "--ef", "100")
        #expect(found.labels.map { $0[0] } == (1000..<1300).map { $0 })
    }

    @Test("a store gives its live vectors and their labels, in order")
    func fromStore() throws {
        let vectors = try workspace.buildStore(count: 50, dimensions: 4, "--metric", "cosine")
        #expect(try workspace.cairn("delete", "@store", "3", "7").code == 0)
        #expect(try workspace.cairn("delete", "@store", "40", "--erase").code == 0)
        let before = try workspace.state(of: "store")
        let made = try workspace.convert("@store", "@out.npy", "--save-labels", "@labels.npy", "--metric", "cosine")
        #expect(made.from == "cairn" && made.count == 47 && made.deleted == 2 && made.metric == "cosine")
        #expect(made.lost.contains { $0.hasPrefix("2 vectors marked") } && made.lost.contains { $0.contains("graph") })
        let kept = (0..<50).filter { ![3, 7, 40].contains($0) }
        #expect(try workspace.labels("labels.npy", count: 47) == kept.map { UInt64($0) })
        for (value, expected) in zip(
            try workspace.floats("out.npy", shape: [47, 4]), kept.flatMap { vectors.rows[$0] })
        {
            #expect(abs(value - expected) <= 1e-6)
        }
        #expect(try workspace.state(of: "store") == before)
    }

    @Test("a store of bytes gives bytes, and what is written to .fbin is f32")
    func bytesFromStore() throws {
        try workspace.write("in.npy", bytes: Npy.file(shape: [3, 2], [0, 255, 3, 4, 5, 6] as [UInt8]))
        #expect(try workspace.cairn("build", "@s", "@in.npy", "--scalar", "u8").code == 0)
        #expect(try workspace.convert("@s", "@out.npy").scalar == "u8")
        #expect(try workspace.bytes("out.npy") == workspace.bytes("in.npy"))
        #expect(try workspace.convert("@s", "@out.fbin").scalar == "f32")
        #expect(try workspace.convert("@s", "@h.npy", "--scalar", "f16").scalar == "f16")
        #expect(try workspace.convert("@s", "@out.fbin", "--force").lost.contains { $0.contains("--save-labels") })
    }

    @Test(
        "a dry run fails where the conversion would",
        arguments: [
            ["@nan.npy", "@o.cairn", "--metric", "l2"], ["@nan.npy", "@o.bin", "--metric", "l2"],
            ["@zero.npy", "@o.cairn", "--metric", "cosine"],
            ["@half.npy", "@o.cairn", "--metric", "l2", "--scalar", "u8"],
            ["@half.npy", "@o.npy", "--scalar", "i8"], ["@wide.npy", "@o.u8bin"],
            ["@big.npy", "@o.npy", "--scalar", "f16"],
            ["@twice.fvecs", "@o.fbin"], ["@s.cairn", "@o.u8bin"], ["@none.cairn", "@o.fvecs"],
            ["@half.npy", "@o.cairn", "--metric", "l2", "--labels", "@same.txt"],
        ])
    func dryRun(arguments: [String]) throws {
        func write(_ name: String, _ value: Float) throws {
            try workspace.write(name, bytes: TestVectors([[1, 2], [3, value]]).npy)
        }
        for (name, value) in [("nan.npy", Float.nan), ("half.npy", 0.5), ("big.npy", 70_000)] { try write(name, value) }
        try workspace.write("zero.npy", bytes: TestVectors([[1, 2], [0, 0]]).npy)
        try workspace.write("wide.npy", bytes: Npy.file(shape: [2, 1], [255, 256] as [Int32]))
        try workspace.write("same.txt", labels: [7, 7])
        try workspace.write(
            "twice.fvecs", bytes: [1, 2].flatMap { bytes(Int32($0)) + bytes(Float(1).bitPattern) })
        try #require(try workspace.cairn("build", "@s.cairn", "@half.npy", "--quiet").code == 0)
        try #require(try workspace.cairn("create", "@none.cairn", "--dim", "2").code == 0)
        let before = try workspace.content
        let outcomes = try [[], ["--dry-run"]].map { more in
            try workspace.cairn(["convert"] + arguments + more + ["--output", "json"])
        }
        #expect(outcomes.allSatisfy { $0.code == 1 && $0.output == "" }, "\(outcomes)")
        #expect(outcomes[0].errors == outcomes[1].errors)
        #expect(try workspace.content == before)
    }
}
