import Foundation
import Testing

/// Names of files and stores are bytes, which need not be UTF-8.
@Suite("Names of files")
struct FileNameTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 20, dimensions: 4, seed: 1).npy)
    }

    #if os(Linux)
    @Test(
        "that are not UTF-8 are used as they are",
        arguments: [#"\377"#, #"caf\351"#, #"a\303"#, #"\364\217\276\200"#, "é→"])
    func bytes(name: String) throws {
        let outcome = try workspace.shell(
            """
            name=$(printf '\(name)'); replaced=$(printf '\\357\\277\\275')
            cp v.npy "$name.npy" && mkdir "$replaced.cairn.building" && touch "$replaced.cairn.building/x" &&
            "$cairn" build "$name.cairn" "$name.npy" --quiet &&
            "$cairn" add "$name.cairn" "$name.npy" --upsert --quiet &&
            "$cairn" search "$name.cairn" "$name.npy" -k 1 --save-labels="$name-found.npy" --quiet &&
            "$cairn" convert "$name.cairn" "$name-again.npy" --quiet &&
            cmp v.npy "$name-again.npy" && rm -r "$replaced.cairn.building" v.npy "$name"* && ls -A
            """)
        #expect(outcome.code == 0 && outcome.output == "" && outcome.errors == "")
    }
    #endif

    @Test("are named in errors as far as they can be printed")
    func unknown() throws {
        let outcome = try workspace.shell(#""$cairn" info "$(printf 'x\377y')" --output json"#)
        #expect(outcome.code == 1)
        #expect(try ErrorDocument(outcome.errors).error.path == "x\u{FFFD}y")
    }
}
