// Cairn beside hnswlib, in one process and on the same data: `make bench-hnswlib DATA=folder [N=rows] [SCALAR=f32|u8|f16]`.
// Prints one JSON document. Searching: slices of queries alternate between the two, one thread, one query at a time, at many
// search widths; each round gives a recall-QPS curve for both, from which the QPS at a recall is interpolated on log(QPS)
// between neighbouring widths; ratios are medians over the rounds. Everything of Cairn's goes through VectorStore.build and
// VectorStore.search on a store opened from disk.
import Cairn
import Foundation
import SystemPackage

struct Options {
    var data = ""
    var rows = Int.max
    var metric = ""
    var scalar = VectorStore.Scalar.float32
    var rounds = 9
    var buildRows = 100_000
    var buildRounds = 9
    var buildThreads = [1, 2]
    var parts: Set<String> = ["search", "build", "open"]
    var cache = ".build/stores"
    var cairn = "../.build/release/cairn"
    var codes: [VectorStore.Quantization] = [.none]
    var batch = false
    var sizes = [10_000, 100_000, 1_000_000]

    init(_ environment: [String: String]) {
        data = environment["DATA"] ?? ""
        rows = environment["N"].flatMap { Int($0) } ?? rows
        metric = environment["METRIC"] ?? ""
        scalar = environment["SCALAR"].flatMap { VectorStore.Scalar(rawValue: $0) } ?? scalar
        rounds = environment["ROUNDS"].flatMap { Int($0) } ?? rounds
        buildRows = environment["BUILD_N"].flatMap { Int($0) } ?? buildRows
        buildRounds = environment["BUILD_ROUNDS"].flatMap { Int($0) } ?? buildRounds
        if let threads = environment["BUILD_THREADS"] {
            buildThreads = threads.split(separator: ",").compactMap { Int($0) }
        }
        if let parts = environment["PARTS"] { self.parts = Set(parts.split(separator: ",").map(String.init)) }
        cairn = environment["CAIRN"] ?? cairn
        if let codes = environment["CODES"] {
            self.codes = codes.split(separator: ",").compactMap { VectorStore.Quantization(rawValue: String($0)) }
        }
        batch = environment["BATCH"] == "1"
        if let sizes = environment["SIZES"] { self.sizes = sizes.split(separator: ",").compactMap { Int($0) } }
        if let cache = environment["CACHE"] { self.cache = cache }
    }
}

func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

let options = Options(ProcessInfo.processInfo.environment)
guard !options.data.isEmpty else {
    note("usage: make bench-hnswlib DATA=folder [N=rows] [SCALAR=f32|u8] [PARTS=search,build,open,filters]")
    exit(64)
}
let workload = try Workload(options)
var report: [String: Any] = [
    "data": (options.data as NSString).lastPathComponent, "rows": workload.rows, "dimensions": workload.dimensions,
    "scalar": options.scalar.rawValue, "metric": workload.cosine ? "cosine" : "l2", "m": 16, "ef_construction": 200,
    "clock": "CPU time of the searching thread; wall time for build and open", "rounds": options.rounds,
]
if options.parts.contains("changes") { report["changes"] = try measureChanges(workload, options) }
if options.parts.contains("inserts") { report["inserts"] = try measureInserts(workload, options) }
if options.parts.contains("beside") { report["search_beside_inserting"] = try measureBeside(workload, options) }
if options.parts.contains("lookups") { report["lookups"] = try measureLookups(workload, options) }
if options.parts.contains("recovery") { report["recovery"] = try measureRecovery(workload, options) }
let files =
    options.parts.isDisjoint(with: ["search", "recall", "filters", "open"]) ? nil : try IndexFiles(workload, options)
if let files, !options.parts.isDisjoint(with: ["search", "recall", "filters"]) {
    let indexes = try Indexes(files, workload)
    if options.parts.contains("search") { report["search"] = try measureSearch(workload, indexes, options) }
    if options.parts.contains("recall") { report["recall_by_ef"] = try measureRecall(workload, indexes) }
    if options.parts.contains("filters") { report["filters"] = try measureFilters(workload, indexes, options) }
    for (_, store) in indexes.stores { try store.close() }
}
// After the store is closed: pages that are mapped cannot be dropped from the page cache.
if let files, options.parts.contains("open") { report["open"] = try measureOpen(workload, files, options) }
if options.parts.contains("build") { report["build"] = try measureBuild(workload, options) }
if let files, !files.buildSeconds.isEmpty { report["build_of_all_rows_on_one_thread"] = files.buildSeconds }
let json = try JSONSerialization.data(withJSONObject: report, options: [.prettyPrinted, .sortedKeys])
print(String(decoding: json, as: UTF8.self))
