#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A line that is named at an axis.
struct Tick {
    /// From 0, where the axis begins, to 1, where it ends.
    let place: Double
    let label: String
    let value: Double
}

/// An axis of recall that opens up towards 1: it shows the share that is missed, on a logarithmic scale. A recall of 1,
/// which has no place on such a scale, has one of its own behind a break.
struct RecallAxis {
    private(set) var ticks: [Tick] = []
    /// Where the axis is broken; nil where nothing has a recall of 1.
    let breakPlace: Double?
    private let low: Double
    private let high: Double
    private let end: Double
    private static let inset = 0.025
    private static let stops = [
        0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99999, 0.999999, 0.9999999,
    ]

    /// An axis on which all of `recalls` have a place, each 0...1. Labels are for `targets` first, at least `spacing`
    /// apart.
    init(_ recalls: [Double], targets: [Double], spacing: Double) {
        let finite = recalls.filter { $0 < 1 }
        let stops = Self.stops
        let least = finite.min() ?? 0.95, most = finite.max() ?? 0.98
        var first = stops.lastIndex { $0 <= least } ?? 0
        var last = stops.firstIndex { $0 >= most } ?? stops.count - 1
        // Never so narrow that a point is alone: its neighbours give it a sense.
        while Self.depth(stops[last]) - Self.depth(stops[first]) < 0.65 {
            if last < stops.count - 1 { last += 1 }
            if first > 0 { first -= 1 }
        }
        low = Self.depth(stops[first])
        high = Self.depth(stops[last])
        end = finite.count < recalls.count ? 0.88 : 1 - Self.inset
        breakPlace = finite.count < recalls.count ? (end + 1 - Self.inset) / 2 : nil
        var ticks: [Tick] = breakPlace == nil ? [] : [Tick(place: 1 - Self.inset, label: "1", value: 1)]
        for value in targets + stops where value >= stops[first] && value <= stops[last] {
            let place = place(value)
            guard ticks.allSatisfy({ abs($0.place - place) >= spacing }) else { continue }
            ticks.append(Tick(place: place, label: shortest(Float(value)), value: value))
        }
        self.ticks = ticks.sorted { $0.place < $1.place }
    }

    /// From 0 to 1.
    func place(_ recall: Double) -> Double {
        if recall >= 1 { return 1 - Self.inset }
        return Self.inset + (min(Self.depth(recall), high) - low) / (high - low) * (end - Self.inset)
    }

    /// Whether it is within what the axis shows, 1 aside.
    func shows(_ recall: Double) -> Bool {
        let depth = Self.depth(recall)
        return depth >= low && depth <= high
    }

    private static func depth(_ recall: Double) -> Double { -log10(1 - recall) }
}

/// A logarithmic axis.
struct LogarithmicAxis {
    let ticks: [Tick]
    private let low: Double
    private let high: Double

    /// An axis on which all of `values`, which must be above 0, have a place with some room around.
    init(_ values: [Double], room share: Double = 0.12) {
        let logarithms = values.map { log10($0) }
        var low = logarithms.min() ?? 0, high = logarithms.max() ?? 0
        let room = max(share * (high - low), (0.7 - (high - low)) / 2)
        low -= room
        high += room
        self.low = low
        self.high = high
        // 1, 2 and 5 of each decade, or only some decades where there are many.
        let decades = Int(low.rounded(.down))...Int(high.rounded(.down))
        let steps: [Double] = high - low < 3 ? [1, 2, 5] : [1]
        let stride = max(1, Int((high - low) / 6))
        var ticks: [Tick] = []
        for decade in decades where decade % stride == 0 {
            for step in steps {
                let value = step * pow(10, Double(decade)), logarithm = log10(value)
                guard logarithm >= low && logarithm <= high else { continue }
                ticks.append(Tick(place: (logarithm - low) / (high - low), label: Self.label(value), value: value))
            }
        }
        self.ticks = ticks
    }

    func place(_ value: Double) -> Double { (log10(value) - low) / (high - low) }

    /// The same scale with ticks at some of its values, each unless it is nearer than `spacing` to one before it.
    func ticks(at values: [Int], spacing: Double) -> [Tick] {
        var ticks: [Tick] = []
        for value in values {
            let place = place(Double(value))
            guard ticks.allSatisfy({ abs($0.place - place) >= spacing }) else { continue }
            ticks.append(Tick(place: place, label: grouped(value), value: Double(value)))
        }
        return ticks
    }

    private static func label(_ value: Double) -> String {
        switch value {
        case 1_000_000...: "\(grouped(value / 1_000_000, decimals: 0)) million"
        case 0.999...: grouped(value, decimals: 0)
        default: shortest(Float(value))
        }
    }
}
