import Cairn

/// What searches of one width find and take.
struct RecallRow: Sendable {
    let width: Int
    let recall: Double
    /// Of the thread's time on a processor; of the clock's where pages came from the disk.
    var queriesPerSecond: Double
    /// How much of the time of the searches the thread had a processor; 1 where it waited for the disk.
    var processorShare: Double
    var medianMicroseconds: Double
    var percentile99Microseconds: Double
    /// What all of its searches computed and read, and how many they were.
    let work: VectorStore.SearchWork
    let queryCount: Int

    /// Every figure of a row, in the order of all tables. A new one needs a line here and nothing elsewhere.
    static let columns = [
        RecallColumn("ef", title: "ef", jsonDecimals: 0, textDecimals: 0, textWidth: 6) { Double($0.width) },
        RecallColumn("recall", title: "recall", jsonDecimals: 6, textDecimals: 4, textWidth: 8) { $0.recall },
        RecallColumn("qps", title: "queries a second", jsonDecimals: 1, textDecimals: 0) { $0.queriesPerSecond },
        RecallColumn("p50_us", title: "median latency", unit: "µs", jsonDecimals: 2, textDecimals: 1) {
            $0.medianMicroseconds
        },
        RecallColumn("p99_us", title: "p99 latency", unit: "µs", jsonDecimals: 2, textDecimals: 1) {
            $0.percentile99Microseconds
        },
        count("distances", title: "distances", \.distances), count("hops", title: "hops", \.hops),
        count("lists", title: "lists read", \.listsRead), count("vectors", title: "vectors read", \.vectorsRead),
        count("codes", title: "quantized read", \.quantizedVectorsRead),
        count("pages", title: "pages touched", \.pagesTouched),
        count("bytes", title: "bytes read", \.bytesRead),
    ]

    /// A count of one search, on the average. It is the same on every run.
    private static func count(
        _ key: String, title: String, _ path: any KeyPath<VectorStore.SearchWork, Int> & Sendable
    ) -> RecallColumn {
        RecallColumn(key, title: title, jsonDecimals: 2, textDecimals: 0, textWidth: 10) {
            Double($0.work[keyPath: path]) / Double(max($0.queryCount, 1))
        }
    }

    var facts: [(key: String, value: JSON)] {
        Self.columns.map { ($0.key, .number($0.value(self), decimals: $0.jsonDecimals)) }
    }

    /// Whether other programs had the processor for much of the time, so that latencies are not the store's.
    var isDisturbed: Bool { processorShare < 0.9 }

    /// Its line in a table.
    var text: String {
        Self.columns.map { fixed($0.value(self), decimals: $0.textDecimals).padded(to: $0.textWidth) }.joined()
    }

    /// The first line of that table.
    static var textHead: String { columns.map { $0.key.padded(to: $0.textWidth) }.joined() }

    /// Several rounds of one width as one: the median of each time. What was found is the same in all of them.
    static func median(of rounds: [RecallRow]) -> RecallRow {
        func median(_ values: [Double]) -> Double {
            let sorted = values.sorted(), half = sorted.count / 2
            return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
        }
        var row = rounds[0]
        row.queriesPerSecond = median(rounds.map(\.queriesPerSecond))
        row.processorShare = median(rounds.map(\.processorShare))
        row.medianMicroseconds = median(rounds.map(\.medianMicroseconds))
        row.percentile99Microseconds = median(rounds.map(\.percentile99Microseconds))
        return row
    }
}

/// A figure that rows have.
struct RecallColumn: Sendable {
    /// Its name in JSON and above its column in the terminal; it stays the same.
    let key: String
    /// Its name in a report.
    let title: String
    /// What it is counted in; empty for plain numbers.
    let unit: String
    let jsonDecimals: Int
    /// In the terminal and in a report.
    let textDecimals: Int
    let textWidth: Int
    let value: @Sendable (RecallRow) -> Double

    init(
        _ key: String, title: String, unit: String = "", jsonDecimals: Int, textDecimals: Int, textWidth: Int = 12,
        value: @escaping @Sendable (RecallRow) -> Double
    ) {
        self.key = key
        self.title = title
        self.unit = unit
        self.jsonDecimals = jsonDecimals
        self.textDecimals = textDecimals
        self.textWidth = textWidth
        self.value = value
    }
}
