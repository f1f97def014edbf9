/// A number with some decimals, and commas between thousands: `12,345.6`.
func grouped(_ value: Double, decimals: Int) -> String {
    let text = fixed(value, decimals: decimals)
    guard text.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." || $0 == "-" }) else { return text }
    let whole = text.prefix { $0 != "." }, sign = whole.prefix { $0 == "-" }
    var digits = "", rest = whole.dropFirst(sign.count)
    while rest.count > 3 {
        digits = "," + rest.suffix(3) + digits
        rest = rest.dropLast(3)
    }
    return sign + rest + digits + text.dropFirst(whole.count)
}

func grouped(_ value: Int) -> String { grouped(Double(value), decimals: 0) }

/// A positive number with three digits that count, or more where there are more in front of the point.
func significant(_ value: Double) -> String {
    var decimals = 0, limit = 100.0
    while value < limit && decimals < 9 && value > 0 {
        decimals += 1
        limit /= 10
    }
    return grouped(value, decimals: decimals)
}

/// How recalls are written: with as many decimals as tell apart what was measured, and rounded down, so that what is
/// called 0.98 reaches 0.98, and only what misses nothing is called 1.
struct RecallFormat {
    private let decimals: Int

    /// For recalls that are shares of so many neighbours.
    init(neighbors: Int) { decimals = neighbors <= 10_000 ? 4 : neighbors <= 100_000 ? 5 : 6 }

    func text(_ recall: Double) -> String {
        let factor = decimals == 4 ? 1e4 : decimals == 5 ? 1e5 : 1e6
        // The product of a number with so few decimals may lie a little below the whole one.
        return fixed((recall * factor + 1e-6).rounded(.down) / factor, decimals: decimals)
    }
}

/// The unit in which all latencies of a report are given.
enum LatencyUnit: String {
    case microseconds = "µs"
    case milliseconds = "ms"

    init(for rows: [RecallRow]) {
        let longest = rows.map(\.percentile99Microseconds).max() ?? 0
        self = longest < 20_000 ? .microseconds : .milliseconds
    }

    func value(_ microseconds: Double) -> Double { self == .microseconds ? microseconds : microseconds / 1000 }

    func text(_ microseconds: Double) -> String { "\(significant(value(microseconds))) \(rawValue)" }
}
